//! What the library promises, from the outside: which passwords are accepted, how they are hashed, what
//! happens under load.

#[cfg(test)]
mod hashing;
#[cfg(test)]
mod load;
#[cfg(test)]
mod policy;
