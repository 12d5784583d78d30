//! Lists by pages: in a stable order, each page after the last key of the one before.
//! The rule: a page token is ours, unaltered, and of the same list, realm and filter, or it is refused.

use events::ids::RealmId;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};
use web::{Code, Edge, Problem, pages};

use crate::params::{FromParameters, Parameters};

/// Items of a page where the caller does not say.
pub const DEFAULT_SIZE: usize = 50;

/// Most items of a page.
pub const MOST: usize = 500;

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Most items of the answer.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 500, default = 50)]
    pub page_size: usize,
    /// `next_page_token` of the page before, for the same realm and the same filters.
    pub page_token: Option<String>,
}

impl FromParameters for Paging {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        Self {
            page_size: size(parameters, "page_size").unwrap_or(DEFAULT_SIZE),
            page_token: parameters.raw("page_token").map(str::to_owned),
        }
    }
}

/// A number of items, under the name that the operation has for it.
pub fn size(parameters: &mut Parameters<'_>, name: &'static str) -> Option<usize> {
    parameters
        .number(name, 1, MOST as u64)
        .and_then(|size| usize::try_from(size).ok())
}

/// How many rows to ask for, so that it shows whether there are more than fit.
pub fn one_more(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX).saturating_add(1)
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to send as `page_token` for the next page; `null` on the last one.
    pub next_page_token: Option<String>,
}

/// Where a list goes on, sealed into the caller's hands.
pub struct Pages<'a> {
    edge: &'a Edge,
    realm: RealmId,
    bound: String,
}

impl<'a> Pages<'a> {
    /// The pages of one list of one realm under one filter.
    pub fn new(edge: &'a Edge, realm: RealmId, list: &str, filter: &str) -> Self {
        Self {
            edge,
            realm,
            bound: format!("{list}?{filter}"),
        }
    }

    /// The key after which the page starts; none for the first.
    pub async fn start<K: DeserializeOwned>(&self, token: Option<&str>) -> Result<Option<K>, Problem> {
        let Some(token) = token else { return Ok(None) };
        match pages::open(self.edge.kernel(), self.realm, &self.bound, token).await? {
            Some(key) => Ok(Some(key)),
            None => Err(Problem::new(Code::Invalid)
                .detail("the page cannot be found by this token")
                .field(
                    "page_token",
                    "must be the next_page_token of a page of the same list with the same filters",
                )),
        }
    }

    /// Makes a page of rows, of which there is one more than fits if there are more.
    pub async fn page<R, K: Serialize, T>(
        &self,
        mut rows: Vec<R>,
        size: usize,
        key: impl Fn(&R) -> K,
        show: impl Fn(R) -> T,
    ) -> Result<Page<T>, Problem> {
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(key);
        self.page_until(rows, next, show).await
    }

    /// Makes a page of rows, and says where the list goes on.
    pub async fn page_until<R, K: Serialize, T>(
        &self,
        rows: Vec<R>,
        next: Option<K>,
        show: impl Fn(R) -> T,
    ) -> Result<Page<T>, Problem> {
        let next_page_token = match next {
            Some(key) => Some(pages::seal(self.edge.kernel(), self.realm, &self.bound, &key).await?),
            None => None,
        };
        Ok(Page {
            items: rows.into_iter().map(show).collect(),
            next_page_token,
        })
    }

    /// Makes a page of a list that is short enough to be read whole; it goes on after the item that the token names, and with
    /// nothing if that is gone.
    pub async fn page_of_all<R, K, T>(
        &self,
        rows: Vec<R>,
        paging: &Paging,
        key: impl Fn(&R) -> K,
        show: impl Fn(R) -> T,
    ) -> Result<Page<T>, Problem>
    where
        K: Serialize + DeserializeOwned + PartialEq,
    {
        let rows = match self.start::<K>(paging.page_token.as_deref()).await? {
            None => rows,
            Some(after) => rows
                .into_iter()
                .skip_while(|row| key(row) != after)
                .skip(1)
                .collect(),
        };
        self.page(rows, paging.page_size, key, show).await
    }
}

#[cfg(test)]
mod tests {
    use web::form::Form;

    use super::*;
    use crate::params::assert_described;

    #[test]
    fn a_page_has_fifty_items_unless_the_caller_says_otherwise() {
        let read = |query: &str| {
            let form = Form::parse(query.as_bytes()).unwrap();
            let mut parameters = Parameters::new(&form);
            let paging = Paging::from_parameters(&mut parameters);
            parameters.finish().map(|()| paging.page_size)
        };
        assert_eq!(read("").unwrap(), 50);
        assert_eq!(read("page_size=500").unwrap(), 500);
        assert!(read("page_size=0").is_err());
        assert!(read("page_size=501").is_err());
        assert_described::<Paging>();
    }
}
