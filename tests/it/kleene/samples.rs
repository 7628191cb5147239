//! Generated policies, and inputs in which things are missing, null, or of the wrong kind.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::grammar::{
    Binding, Body, Collection, Condition, Key, Lookup, Operator, Path, Root, Term,
};

/// What the policies look things up in.
pub fn data() -> Value {
    json!({
        "limits": {"DE": 100, "KP": 0, "ann": "much"},
        "blocked": {"mallory": true, "eve": false},
        "customers": {"ann": {"level": 50, "vip": true, "id": "ann"}, "mallory": {"vip": false}, "eve": {"level": "50"}},
        "banned": ["mallory", "eve"],
        "numbers": [0, 50],
        "none": [],
        "mixed": ["mallory", 7],
    })
}

/// What is at hand where a condition is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The request alone.
    Request,
    /// An item of its list as well.
    Item,
    /// Its customer by another name as well.
    Customer,
}

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Text,
    Flag,
}

const NUMBERS: [&[&str]; 3] = [&["amount"], &["limit"], &["customer", "level"]];
const TEXTS: [&[&str]; 3] = [&["name"], &["country"], &["customer", "id"]];
const FLAGS: [&[&str]; 2] = [&["flag"], &["customer", "vip"]];

fn context(keys: &[&'static str]) -> Path {
    Path {
        root: Root::Context,
        keys: keys.to_vec(),
    }
}

fn element(key: &'static str) -> Path {
    Path {
        root: Root::Element,
        keys: vec![key],
    }
}

fn items() -> Path {
    context(&["items"])
}

fn customer() -> Path {
    context(&["customer"])
}

/// A path to what should be of this kind.
fn place(scope: Scope, kind: Kind) -> BoxedStrategy<Path> {
    let of_request = match kind {
        Kind::Number => select(NUMBERS.to_vec()),
        Kind::Text => select(TEXTS.to_vec()),
        Kind::Flag => select(FLAGS.to_vec()),
    }
    .prop_map(context);
    let own = match (scope, kind) {
        (Scope::Request, _) => return of_request.boxed(),
        (Scope::Item, Kind::Number) => "price",
        (Scope::Item, Kind::Text) => "kind",
        (Scope::Item, Kind::Flag) => "ok",
        (Scope::Customer, Kind::Number) => "level",
        (Scope::Customer, Kind::Text) => "id",
        (Scope::Customer, Kind::Flag) => "vip",
    };
    prop_oneof![3 => Just(element(own)), 1 => of_request].boxed()
}

fn any_place(scope: Scope) -> BoxedStrategy<Path> {
    prop_oneof![
        place(scope, Kind::Number),
        place(scope, Kind::Text),
        place(scope, Kind::Flag)
    ]
    .boxed()
}

/// Where the author may ask what is there. Of a name for what is not there, it is left open what comes of the question.
fn asked(scope: Scope) -> Scope {
    match scope {
        Scope::Request | Scope::Customer => Scope::Request,
        Scope::Item => Scope::Item,
    }
}

fn number() -> impl Strategy<Value = Value> {
    select(vec![0, 7, 50, 100]).prop_map(Value::from)
}

fn text() -> impl Strategy<Value = Value> {
    select(vec!["ann", "mallory", "eve", "DE", "KP"]).prop_map(Value::from)
}

fn key(scope: Scope) -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => place(scope, Kind::Text).prop_map(Key::Path),
        1 => select(vec!["ann", "eve", "XYZ"]).prop_map(Key::Word),
    ]
}

fn lookup(
    scope: Scope,
    bases: Vec<(&'static str, Option<&'static str>)>,
) -> impl Strategy<Value = Lookup> {
    (select(bases), key(scope)).prop_map(|((base, then), key)| Lookup { base, key, then })
}

fn term(scope: Scope, kind: Kind, depth: u32) -> BoxedStrategy<Term> {
    let path = || place(scope, kind).prop_map(Term::Path);
    let own = match kind {
        Kind::Number => prop_oneof![
            2 => number().prop_map(Term::Literal),
            1 => lookup(scope, vec![("limits", None), ("customers", Some("level")), ("gone", None)]).prop_map(Term::Data),
            1 => number().prop_map(|default| Term::Get(context(&[]), "amount", default)),
            1 => number().prop_map(|default| Term::Get(customer(), "level", default)),
            1 => select(vec![items(), context(&["tags"])]).prop_map(Term::Count),
            1 => Just(Term::Sum(items(), "price")),
        ]
        .boxed(),
        Kind::Text => prop_oneof![
            3 => text().prop_map(Term::Literal),
            1 => lookup(scope, vec![("customers", Some("id"))]).prop_map(Term::Data),
            1 => place(scope, Kind::Text).prop_map(Term::Lower),
            1 => any_place(asked(scope)).prop_map(Term::TypeName),
            1 => text().prop_map(|default| Term::Get(context(&[]), "name", default)),
        ]
        .boxed(),
        Kind::Flag => prop_oneof![
            3 => any::<bool>().prop_map(|flag| Term::Literal(flag.into())),
            1 => lookup(scope, vec![("customers", Some("vip"))]).prop_map(Term::Data),
        ]
        .boxed(),
    };
    if depth == 0 {
        return prop_oneof![2 => path(), 1 => own].boxed();
    }
    // A branch that iterates is left out: the engine does not reach the `else` below it.
    let branch = || {
        body(depth - 1).prop_filter("iterates", |body| {
            !matches!(body.binding, Some(Binding::Some(_)))
        })
    };
    let deep = match kind {
        Kind::Number => vec(condition(Scope::Item, depth - 1), 1..3)
            .prop_map(|conditions| Term::CountWhere(items(), conditions))
            .boxed(),
        Kind::Text => (vec(branch(), 1..3), Just(["ann", "mallory", "DE"]))
            .prop_map(|(bodies, values)| {
                let branches = bodies.into_iter().zip(values);
                Term::Chain(
                    branches.map(|(body, value)| (body, value.into())).collect(),
                    "KP".into(),
                )
            })
            .boxed(),
        Kind::Flag => (branch(), any::<bool>())
            .prop_map(|(body, flag)| Term::Chain(vec![(body, flag.into())], (!flag).into()))
            .boxed(),
    };
    prop_oneof![4 => path(), 2 => own, 1 => deep].boxed()
}

fn comparison(scope: Scope, depth: u32) -> impl Strategy<Value = Condition> {
    let operator = || {
        select(vec![
            Operator::Less,
            Operator::AtMost,
            Operator::Greater,
            Operator::AtLeast,
            Operator::Equal,
            Operator::Unequal,
        ])
    };
    let equality = || select(vec![Operator::Equal, Operator::Unequal]);
    let compare = |(operator, left, right)| Condition::Compare(operator, left, right);
    let path = move |kind| place(scope, kind).prop_map(Term::Path);
    prop_oneof![
        4 => (operator(), path(Kind::Number), term(scope, Kind::Number, depth)).prop_map(compare),
        2 => (operator(), term(scope, Kind::Number, depth), number().prop_map(Term::Literal)).prop_map(compare),
        4 => (equality(), path(Kind::Text), term(scope, Kind::Text, depth)).prop_map(compare),
        2 => (equality(), term(scope, Kind::Text, depth), text().prop_map(Term::Literal)).prop_map(compare),
        2 => (equality(), path(Kind::Flag), term(scope, Kind::Flag, depth)).prop_map(compare),
        1 => (equality(), any_place(scope).prop_map(Term::Path), any_place(scope).prop_map(Term::Path)).prop_map(compare),
    ]
}

fn membership(scope: Scope) -> impl Strategy<Value = Condition> {
    let one = prop_oneof![
        3 => place(scope, Kind::Text).prop_map(Term::Path),
        1 => place(scope, Kind::Number).prop_map(Term::Path),
        1 => text().prop_map(Term::Literal),
    ];
    let collection = prop_oneof![
        vec(text(), 1..3).prop_map(Collection::Literals),
        vec(number(), 1..3).prop_map(Collection::Literals),
        select(vec!["banned", "numbers", "none", "mixed", "gone"]).prop_map(Collection::Data),
        Just(Collection::Path(context(&["tags"]))),
    ];
    (one, collection).prop_map(|(one, collection)| Condition::In(one, collection))
}

fn leaf(scope: Scope, depth: u32) -> BoxedStrategy<Condition> {
    let kinds = vec!["null", "boolean", "number", "string", "array", "object"];
    let bases = vec![
        ("blocked", None),
        ("customers", Some("vip")),
        ("customers", None),
        ("gone", None),
    ];
    prop_oneof![
        6 => comparison(scope, depth),
        3 => membership(scope),
        2 => place(scope, Kind::Flag).prop_map(|path| Condition::Holds(Term::Path(path))),
        1 => any_place(scope).prop_map(|path| Condition::Holds(Term::Path(path))),
        2 => lookup(scope, bases).prop_map(|lookup| Condition::Holds(Term::Data(lookup))),
        1 => (select(kinds), any_place(asked(scope))).prop_map(|(kind, path)| Condition::Is(kind, path)),
        1 => (select(vec!["vip", "level", "id"])).prop_map(|key| Condition::HasKey(key, customer())),
        1 => (any_place(scope), select(vec![Operator::Equal, Operator::Unequal]))
            .prop_map(|(path, operator)| Condition::Null(operator, path)),
        1 => (place(scope, Kind::Text), select(vec!["m", "D", ""]))
            .prop_map(|(path, start)| Condition::StartsWith(path, start)),
    ]
    .boxed()
}

fn condition(scope: Scope, depth: u32) -> BoxedStrategy<Condition> {
    let plain = leaf(scope, depth);
    let negated = leaf(scope, depth).prop_map(|inner| Condition::Not(Box::new(inner)));
    if depth == 0 {
        return prop_oneof![3 => plain, 1 => negated].boxed();
    }
    let helper = (vec(body(depth - 1), 1..3), select(vec![None, Some(false)]))
        .prop_map(|(bodies, default)| Condition::Helper(bodies, default));
    let call = vec(vec(condition(Scope::Customer, depth - 1), 1..3), 1..3)
        .prop_map(|bodies| Condition::Call(customer(), bodies));
    let each = vec(condition(Scope::Item, depth - 1), 1..3)
        .prop_map(|conditions| Condition::Every(items(), conditions));
    let deep = prop_oneof![2 => helper, 1 => call, 1 => each];
    let deep = (deep, any::<bool>()).prop_map(|(inner, negated)| {
        match (inner, negated) {
            (inner, false) => inner,
            // `not every` is no Rego: it takes a helper to deny it.
            (each @ Condition::Every(..), true) => {
                let body = Body {
                    binding: None,
                    conditions: vec![each],
                };
                Condition::Not(Box::new(Condition::Helper(vec![body], None)))
            }
            (inner, true) => Condition::Not(Box::new(inner)),
        }
    });
    prop_oneof![4 => plain, 2 => negated, 3 => deep].boxed()
}

/// A body of a rule or helper.
pub fn body(depth: u32) -> BoxedStrategy<Body> {
    let over = |scope, binding: Option<Binding>| {
        vec(condition(scope, depth), 1..4).prop_map(move |conditions| Body {
            binding: binding.clone(),
            conditions,
        })
    };
    prop_oneof![
        4 => over(Scope::Request, None),
        1 => over(Scope::Item, Some(Binding::Some(items()))),
        1 => over(Scope::Customer, Some(Binding::Name(customer()))),
    ]
    .boxed()
}

/// How a field is.
#[derive(Debug, Clone, Copy)]
enum State {
    Right,
    Absent,
    Null,
    Wrong,
}

/// Every value of a kind that is not this one's. Lists and objects are all the same, so that no two of them differ.
fn wrong(right: &Value) -> Vec<Value> {
    let all = vec![
        json!("ann"),
        json!(7),
        json!(true),
        json!([7]),
        json!({"k": 7}),
    ];
    all.into_iter()
        .filter(|other| std::mem::discriminant(other) != std::mem::discriminant(right))
        .collect()
}

/// The value as it is, or else; one in `soundness` is broken, none if it is 0.
fn perhaps(right: BoxedStrategy<Value>, soundness: u32) -> BoxedStrategy<Option<Value>> {
    let state = if soundness == 0 {
        Just(State::Right).boxed()
    } else {
        prop_oneof![
            soundness * 3 => Just(State::Right),
            1 => Just(State::Absent),
            1 => Just(State::Null),
            1 => Just(State::Wrong),
        ]
        .boxed()
    };
    (right, state, any::<prop::sample::Index>())
        .prop_map(|(right, state, index)| match state {
            State::Right => Some(right),
            State::Absent => None,
            State::Null => Some(Value::Null),
            State::Wrong => Some(index.get(&wrong(&right)).clone()),
        })
        .boxed()
}

fn object(
    fields: Vec<(&'static str, BoxedStrategy<Value>)>,
    soundness: u32,
) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(key, right)| perhaps(right, soundness).prop_map(move |value| (key, value)))
        .collect();
    fields
        .prop_map(|fields| {
            let there = fields
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)));
            Value::Object(there.collect::<Map<_, _>>())
        })
        .boxed()
}

fn request(soundness: u32) -> BoxedStrategy<Value> {
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let item = object(
        vec![
            ("price", number().boxed()),
            ("kind", text().boxed()),
            ("ok", flag()),
        ],
        soundness,
    );
    let items = vec(item, 0..4).prop_map(Value::from);
    let tags = vec(text(), 0..3).prop_map(Value::from);
    let customer = object(
        vec![
            ("level", number().boxed()),
            ("id", text().boxed()),
            ("vip", flag()),
        ],
        soundness,
    );
    object(
        vec![
            ("amount", number().boxed()),
            ("limit", number().boxed()),
            ("name", text().boxed()),
            ("country", text().boxed()),
            ("flag", flag()),
            ("customer", customer),
            ("items", items.boxed()),
            ("tags", tags.boxed()),
        ],
        soundness,
    )
}

/// The context of a request.
#[derive(Clone)]
pub struct Context {
    pub value: Value,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.value)
    }
}

/// Contexts in which all is there, most is there, and little is.
pub fn context_of_a_request() -> BoxedStrategy<Context> {
    prop_oneof![1 => request(0), 2 => request(6), 2 => request(1)]
        .prop_map(|value| Context { value })
        .boxed()
}
