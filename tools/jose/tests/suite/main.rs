//! What the library promises, from the outside: round trips, keys and thumbprints, every refusal, other
//! people's tokens, random input.

#[cfg(test)]
mod dpop;
#[cfg(test)]
mod encryption;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod support;
