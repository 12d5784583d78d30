//! The operations whose requests are counted, by the names that their descriptions have. The rule: what is counted is what the router
//! matched, and never what the request says it is; a limit names nothing that does not exist.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use events::limits::LimitKey;
use http::Method;
use utoipa::openapi::{OpenApi, PathItem};

/// The group of all operations.
const ALL: &str = "all";
/// The groups of the management API: its writes, its reads.
const MANAGEMENT: [(&str, &str); 2] = [("/command/v1/", "commands"), ("/query/v1/", "queries")];
/// Operations at which applications show who they are.
const OF_APPLICATIONS: [&str; 5] = [
    "token",
    "introspect",
    "revoke",
    "push_authorization_request",
    "device_authorization",
];
/// Operations at which an access token is shown, besides the management API.
const WITH_TOKEN: [&str; 2] = ["get_userinfo", "post_userinfo"];
/// The groups of hosted pages.
const PAGES: [&str; 2] = ["pages", "account"];
/// OAuth endpoints at which it is a person who arrives.
const FOR_PEOPLE: [&str; 5] = [
    "authorize",
    "authorize_by_post",
    "logout",
    "logout_by_post",
    "check_session",
];

/// Who is at the other end of an operation, and therefore how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Programs of administrators: problem details.
    Management,
    /// OAuth clients: errors of OAuth.
    Client,
    /// People: a page.
    Page,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name, as in OpenAPI.
    pub id: String,
    /// Its name and those of its groups.
    pub names: BTreeSet<String>,
    /// Who is at the other end.
    pub surface: Surface,
}

impl Operation {
    fn new(path: &str, id: &str, tags: &[String]) -> Self {
        let mut names: BTreeSet<String> = tags.iter().cloned().collect();
        names.extend([id.to_owned(), ALL.to_owned()]);
        let management = MANAGEMENT.iter().find(|(prefix, _)| path.starts_with(prefix));
        if let Some((_, group)) = management {
            names.insert((*group).to_owned());
        }
        let surface = if management.is_some() {
            Surface::Management
        } else if FOR_PEOPLE.contains(&id) || tags.iter().any(|tag| PAGES.contains(&tag.as_str())) {
            Surface::Page
        } else {
            Surface::Client
        };
        Self {
            id: id.to_owned(),
            names,
            surface,
        }
    }

    /// Whether one of these names is its own or that of one of its groups.
    pub fn is_among(&self, names: &BTreeSet<String>) -> bool {
        !self.names.is_disjoint(names)
    }

    /// Whether it is known of its requests whose they are in this sense.
    pub fn knows(&self, key: LimitKey) -> bool {
        let id = self.id.as_str();
        let by_token = self.surface == Surface::Management || WITH_TOKEN.contains(&id);
        match key {
            LimitKey::Address | LimitKey::Realm => true,
            LimitKey::Application => by_token || OF_APPLICATIONS.contains(&id),
            LimitKey::User => by_token,
        }
    }
}

/// All operations, by method and route.
#[derive(Clone, Debug, Default)]
pub struct Operations(HashMap<(Method, String), Arc<Operation>>);

impl Operations {
    /// Those that these documents describe.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a OpenApi>) -> Self {
        let paths = documents.into_iter().flat_map(|document| &document.paths.paths);
        let operations = paths.flat_map(|(path, item)| {
            described(item)
                .into_iter()
                .filter_map(move |(method, operation)| {
                    let operation = operation.as_ref()?;
                    let tags = operation.tags.as_deref().unwrap_or_default();
                    let known = Operation::new(path, operation.operation_id.as_deref()?, tags);
                    Some(((method, path.clone()), Arc::new(known)))
                })
        });
        Self(operations.collect())
    }

    /// The operation of a request. `HEAD` is answered by what answers `GET`, and counted as that.
    pub fn find(&self, method: &Method, route: &str) -> Option<Arc<Operation>> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.0.get(&(method.clone(), route.to_owned())).cloned()
    }

    /// Those of this name: one, or a group.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Operation> {
        let all = self.0.values().map(AsRef::as_ref);
        all.filter(move |operation| operation.names.contains(name))
    }
}

fn described(item: &PathItem) -> [(Method, &Option<utoipa::openapi::path::Operation>); 5] {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Some of each kind.
    pub fn some() -> Operations {
        let operation = |method: Method, path: &str, id: &str, tag: &str| {
            let known = Operation::new(path, id, &[tag.to_owned()]);
            ((method, path.to_owned()), Arc::new(known))
        };
        Operations(HashMap::from([
            operation(Method::GET, "/realms/{realm}/sign-in", "sign_in_page", "pages"),
            operation(Method::POST, "/realms/{realm}/sign-in", "sign_in", "pages"),
            operation(Method::POST, "/realms/{realm}/oauth2/token", "token", "oauth"),
            operation(
                Method::GET,
                "/realms/{realm}/oauth2/userinfo",
                "get_userinfo",
                "openid",
            ),
            operation(
                Method::GET,
                "/realms/{realm}/oauth2/authorize",
                "authorize",
                "oauth",
            ),
            operation(
                Method::GET,
                "/query/v1/realms/{realm}/users",
                "list_users",
                "users",
            ),
        ]))
    }

    #[test]
    fn an_operation_is_found_by_what_the_router_matched() {
        let operations = some();
        let found = |method: Method, route: &str| {
            let found = operations.find(&method, route);
            found.map(|operation| operation.id.clone())
        };
        let sign_in = "/realms/{realm}/sign-in";
        assert_eq!(found(Method::POST, sign_in).as_deref(), Some("sign_in"));
        assert_eq!(found(Method::HEAD, sign_in).as_deref(), Some("sign_in_page"));
        assert_eq!(found(Method::OPTIONS, sign_in), None);
        assert_eq!(found(Method::POST, "/realms/demo/sign-in"), None);
    }

    #[test]
    fn a_name_is_of_one_operation_or_of_a_group() {
        let operations = some();
        let count = |name: &str| operations.named(name).count();
        for (name, expected) in [
            ("token", 1),
            ("pages", 2),
            ("queries", 1),
            ("commands", 0),
            ("all", 6),
            ("All", 0),
            ("nothing", 0),
        ] {
            assert_eq!(count(name), expected, "{name}");
        }
    }

    #[test]
    fn whose_a_request_is_depends_on_where_it_goes() {
        let operations = some();
        let knows = |name: &str| {
            let operation = operations.named(name).next().unwrap();
            LimitKey::ALL.map(|key| operation.knows(key))
        };
        assert_eq!(knows("sign_in"), [true, false, false, true]);
        assert_eq!(knows("token"), [true, true, false, true]);
        assert_eq!(knows("get_userinfo"), [true, true, true, true]);
        assert_eq!(knows("list_users"), [true, true, true, true]);
        let surface = |name: &str| operations.named(name).next().unwrap().surface;
        assert_eq!(surface("authorize"), Surface::Page);
        assert_eq!(surface("token"), Surface::Client);
        assert_eq!(surface("list_users"), Surface::Management);
    }
}
