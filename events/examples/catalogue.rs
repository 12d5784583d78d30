//! Prints the catalogue of events with their schemas: `cargo run -p chancery-events --example catalogue`.

fn main() -> Result<(), serde_json::Error> {
    let catalogue: Vec<_> = events::catalogue::described().collect();
    println!("{}", serde_json::to_string_pretty(&catalogue)?);
    Ok(())
}
