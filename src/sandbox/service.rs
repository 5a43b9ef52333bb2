//! Services: what a route of the API leads to, and how a request becomes the call of a method.

use serde_json::{Map, Value};

use super::catalogue::Catalogue;
use super::php;
use super::reply::Problem;
use super::search::Criteria;
use super::shape::{Shape, Type};
use super::shop::Moment;

/// One route of the API, as `webapi.xml` declares it.
pub(super) struct Endpoint {
    pub(super) verb: &'static str,
    /// What follows `/V1/`; a segment that starts with a colon is a parameter.
    pub(super) path: &'static str,
    /// The ACL resource that the consumer needs.
    pub(super) acl: &'static str,
    /// The kind of entity in the log.
    pub(super) kind: &'static str,
    /// The interface of the service, which names the queue's topic, and its class, which the
    /// queue's messages name.
    pub(super) service: Service,
    pub(super) method: &'static str,
    pub(super) params: &'static [Param],
    pub(super) run: Run,
}

/// A service for one kind of entity, and the right that its routes need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resource {
    /// The ACL resource that the consumer needs.
    pub(super) acl: &'static str,
    /// The kind of entity in the log.
    pub(super) kind: &'static str,
    pub(super) service: Service,
}

impl Resource {
    /// Returns the route of this path, which calls a method of the service.
    pub(super) const fn endpoint(
        self,
        verb: &'static str,
        path: &'static str,
        method: &'static str,
        params: &'static [Param],
        run: Run,
    ) -> Endpoint {
        Endpoint {
            verb,
            path,
            acl: self.acl,
            kind: self.kind,
            service: self.service,
            method,
            params,
            run,
        }
    }
}

/// The code behind a route.
pub(super) type Run = fn(&mut Catalogue, &Args, &Context<'_>) -> Result<Value, Problem>;

/// A PHP interface and the class behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    pub(super) interface: &'static str,
    pub(super) class: &'static str,
}

/// A parameter of a service's method.
#[derive(Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) ty: Type,
    pub(super) required: bool,
}

impl Param {
    pub(super) const fn new(name: &'static str, ty: Type) -> Self {
        Self {
            name,
            ty,
            required: true,
        }
    }

    pub(super) const fn optional(name: &'static str, ty: Type) -> Self {
        Self {
            name,
            ty,
            required: false,
        }
    }
}

/// The context that a call has beside its arguments.
pub(super) struct Context<'a> {
    /// The store of the URL.
    pub(super) store: u32,
    pub(super) moment: &'a Moment,
    /// The query string, for searches.
    pub(super) query: &'a Map<String, Value>,
}

impl Context<'_> {
    pub(super) fn criteria(&self) -> Result<Criteria, Problem> {
        Criteria::from_query(self.query)
    }
}

/// The arguments of a call, cast to the types of the parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    /// A text; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number, where it was sent.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// An id; none exists that is 0.
    pub(super) fn id(&self, name: &str) -> u64 {
        self.int(name)
            .and_then(|id| u64::try_from(id).ok())
            .unwrap_or(0)
    }

    pub(super) fn object(&self, name: &str) -> Map<String, Value> {
        match self.0.get(name) {
            Some(Value::Object(object)) => object.clone(),
            _ => Map::new(),
        }
    }

    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.0
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

impl Endpoint {
    /// The parameters in a path that this route matches.
    pub(super) fn matches(&self, verb: &str, segments: &[&str]) -> Option<Vec<(String, Value)>> {
        if self.verb != verb || self.path.split('/').count() != segments.len() {
            return None;
        }
        let mut params = Vec::new();
        for (pattern, segment) in self.path.split('/').zip(segments) {
            match pattern.strip_prefix(':') {
                Some(name) => params.push((name.to_owned(), (*segment).into())),
                None if pattern == *segment => {}
                None => return None,
            }
        }
        Some(params)
    }

    /// True if a path is this route's for lists of calls: `:sku` is `bySku` there.
    pub(super) fn matches_bulk(&self, verb: &str, segments: &[&str]) -> bool {
        self.verb == verb
            && self.path.split('/').count() == segments.len()
            && self
                .path
                .split('/')
                .zip(segments)
                .all(|(pattern, segment)| match pattern.strip_prefix(':') {
                    Some(name) => segment.strip_prefix("by") == Some(&php::upper_camel_case(name)),
                    None => pattern == *segment,
                })
    }

    /// Returns how many segments are spelled out; the route with the most is the one meant.
    pub(super) fn literals(&self) -> usize {
        let literal = |segment: &&str| !segment.starts_with(':');
        self.path.split('/').filter(literal).count()
    }

    /// Casts what was sent to the parameters of the method.
    pub(super) fn read(&self, sent: &Map<String, Value>) -> Result<Args, Problem> {
        let mut args = Map::new();
        let mut missing = Vec::new();
        for param in self.params {
            let value = sent
                .get(param.name)
                .or_else(|| sent.get(&php::snake_case(param.name)))
                .filter(|value| !value.is_null());
            match value {
                Some(value) => {
                    args.insert(param.name.to_owned(), param.ty.read(value)?);
                }
                None if param.required => missing.push(Problem::required(param.name)),
                None => {}
            }
        }
        match missing.len() {
            0 => Ok(Args(args)),
            1 => Err(missing.remove(0)),
            _ => Err(Problem::several(missing)),
        }
    }

    /// Returns what was sent, with the path's and the query's parameters. The last of them also replaces
    /// the member of that name in the body's only object: with a query string that is not the id.
    pub(super) fn gather(
        &self,
        path: &[(String, Value)],
        query: &Map<String, Value>,
        mut body: Map<String, Value>,
    ) -> Map<String, Value> {
        let asked = query
            .iter()
            .filter(|(name, _)| !path.iter().any(|(known, _)| known == *name))
            .map(|(name, value)| (name.clone(), value.clone()));
        let params: Vec<(String, Value)> = path.iter().cloned().chain(asked).collect();
        if let Some((name, value)) = params.last()
            && body.len() == 1
            && let Some((wrapper, object)) = body.iter_mut().next()
            && let Some(field) = self.shape(wrapper).and_then(|shape| shape.field(name))
            && let Value::Object(object) = object
        {
            let camel = php::lower_camel_case(field.0);
            let key = if object.contains_key(&camel) {
                camel
            } else {
                field.0.to_owned()
            };
            object.insert(key, value.clone());
        }
        body.extend(params);
        body
    }

    /// The data object that is sent under a name.
    fn shape(&self, name: &str) -> Option<&'static Shape> {
        let param = self.params.iter().find(|param| param.name == name)?;
        match param.ty {
            Type::Object(shape) => Some(shape),
            _ => None,
        }
    }

    /// The data object of the first parameter that is one.
    pub(super) fn wrapper(&self) -> Option<&'static str> {
        self.params
            .iter()
            .find(|param| matches!(param.ty, Type::Object(_)))
            .map(|param| param.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    static RULE: Shape = Shape {
        interface: "\\Rule",
        fields: &[("rule_id", Type::Int), ("name", Type::Text)],
    };

    static ENDPOINT: Endpoint = Endpoint {
        verb: "PUT",
        path: "salesRules/:ruleId",
        acl: "x",
        kind: "cart_rule",
        service: Service {
            interface: "x",
            class: "x",
        },
        method: "save",
        params: &[
            Param::new("rule", Type::Object(&RULE)),
            Param::optional("saveOptions", Type::Bool),
        ],
        run: |_, _, _| Ok(Value::Null),
    };

    fn gathered(query: &str, body: Value) -> Value {
        let path = ENDPOINT.matches("PUT", &["salesRules", "7"]).unwrap();
        let Value::Object(body) = body else {
            return Value::Null;
        };
        let sent = ENDPOINT.gather(&path, &php::query(query), body);
        let args = ENDPOINT.read(&sent).unwrap();
        args.object("rule").into()
    }

    #[test]
    fn the_last_parameter_goes_into_the_only_object() {
        let body = || json!({"rule": {"name": "x"}});
        assert_eq!(gathered("", body()), json!({"name": "x", "rule_id": 7}));
        // A query string takes the id's place.
        assert_eq!(gathered("fields=name", body()), json!({"name": "x"}));
        assert_eq!(gathered("name=y", body()), json!({"name": "y"}));
        // So does a second member of the body.
        let two = json!({"rule": {"name": "x"}, "saveOptions": true});
        assert_eq!(gathered("", two), json!({"name": "x"}));
        // Whatever the body calls it.
        let camel = json!({"rule": {"ruleId": 9}});
        assert_eq!(gathered("", camel), json!({"rule_id": 7}));
    }

    #[test]
    fn lists_name_the_parameters_of_the_path() {
        assert!(ENDPOINT.matches_bulk("PUT", &["salesRules", "byRuleId"]));
        assert!(!ENDPOINT.matches_bulk("PUT", &["salesRules", "byId"]));
        assert!(!ENDPOINT.matches_bulk("POST", &["salesRules", "byRuleId"]));
        assert!(ENDPOINT.matches("PUT", &["salesRules"]).is_none());
    }

    #[test]
    fn all_missing_parameters_are_named() {
        let missing = ENDPOINT.read(&Map::new());
        assert_eq!(missing, Err(Problem::required("rule")));
    }
}
