//! Rules as the guard evaluates them: statements in an order in which every name has its value before it is used, and
//! everything that runs over elements a step of its own, so that a term has one value.

use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{ArithOp, BoolOp, Expr, Ref, Span};

use super::seen::Node;

/// The place of a local variable in the frame of a definition.
pub(super) type Slot = usize;

/// Statements, all of which must hold together.
#[derive(Default)]
pub(super) struct Query {
    pub(super) steps: Vec<Step>,
}

/// One step of a statement.
pub(super) struct Step {
    /// The statement as written, by index.
    pub(super) statement: u16,
    pub(super) act: Act,
}

pub(super) enum Act {
    /// The value is there and is not false.
    Holds(Term),
    /// The value is there and is given to the names of the pattern.
    Let(Pattern, Term),
    /// For each member of a collection.
    Each {
        key: Option<Pattern>,
        value: Option<Pattern>,
        over: Term,
    },
    /// No way to make the query hold.
    Not(Query),
    /// The query holds for every member.
    Every {
        key: Option<Slot>,
        value: Slot,
        over: Term,
        query: Query,
    },
}

/// What a value is taken apart by.
pub(super) enum Pattern {
    Any,
    Bind(Slot),
    /// It must be equal.
    Is(Term),
    Array(Vec<Pattern>),
    Object(Vec<(Term, Pattern)>),
}

/// What has a value.
pub(super) enum Term {
    Literal(Value),
    Local(Slot),
    /// A place of the input by names alone, with the nodes on the way.
    Input(Vec<(Value, Arc<Node>)>),
    /// The same of the data files, looked up already.
    Data(Found),
    /// A rule without arguments, by group.
    Rule(usize),
    Part(Box<Term>, Box<Term>),
    Function {
        group: usize,
        arguments: Vec<Term>,
    },
    Builtin(Box<Builtin>),
    Array(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<(Term, Term)>),
    ArrayOf(Box<Of>),
    SetOf(Box<Of>),
    ObjectOf(Box<Of>, Box<Term>),
    Compare(Box<Compare>),
    Arithmetic(Box<Arithmetic>),
    Union(Box<Operands>),
    Intersection(Box<Operands>),
    /// `value in collection`.
    In(Box<Operands>),
}

/// What the data files hold at a path.
pub(super) enum Found {
    Value(Value, Arc<Node>),
    /// Everything but the last key.
    NoKey(Arc<Node>),
    /// Not even what it would be in; the place where it ends and what is there.
    Nothing(String, &'static str),
}

/// A comprehension: its query and, last, what it makes of each solution.
pub(super) struct Of {
    pub(super) query: Query,
    pub(super) term: Term,
    pub(super) at: At,
}

pub(super) struct Builtin {
    pub(super) name: String,
    pub(super) function: Called,
    pub(super) arguments: Vec<Term>,
    pub(super) span: Span,
    pub(super) expressions: Vec<Ref<Expr>>,
    pub(super) at: At,
}

/// A built-in as the engine calls it.
pub(super) type Called = fn(&Span, &[Ref<Expr>], &[Value], bool) -> anyhow::Result<Value>;

/// A place in the files.
#[derive(Clone)]
pub(super) struct At {
    pub(super) file: Arc<str>,
    pub(super) line: u32,
}

pub(super) struct Operands {
    pub(super) left: Term,
    pub(super) right: Term,
    pub(super) texts: [String; 2],
    /// As the engine's own functions want them.
    pub(super) expressions: [Ref<Expr>; 2],
    pub(super) at: At,
}

pub(super) struct Compare {
    pub(super) operator: BoolOp,
    pub(super) of: Operands,
}

pub(super) struct Arithmetic {
    pub(super) operator: ArithOp,
    pub(super) of: Operands,
    pub(super) span: Span,
}

/// All rules of one name in one package.
pub(super) struct Group {
    /// `package.name`.
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) definitions: Vec<Definition>,
    /// The value when no definition has one.
    pub(super) default: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value, with or without arguments.
    Value,
    /// `name contains key`.
    Set,
    /// `name[key] := value`.
    Object,
}

/// One rule as written.
pub(super) struct Definition {
    pub(super) at: At,
    pub(super) arguments: Vec<Pattern>,
    /// How many local variables it has.
    pub(super) slots: usize,
    /// The body and what stands after its `else`s.
    pub(super) chain: Vec<Branch>,
    /// For explanations: the statements of the first body.
    pub(super) statements: Vec<Statement>,
}

impl Definition {
    /// Whether a branch runs over elements and another stands below it.
    pub(super) fn has_unreached_else(&self) -> bool {
        let above = self.chain.split_last().map_or(&[][..], |(_, above)| above);
        let runs = |step: &Step| matches!(step.act, Act::Each { .. });
        above
            .iter()
            .any(|branch| branch.query.steps.iter().any(runs))
    }
}

pub(super) struct Branch {
    pub(super) query: Query,
    /// The value; for a set and an object the key.
    pub(super) value: Term,
    /// The value of an object's key.
    pub(super) entry: Option<Term>,
}

/// A statement of a body, for explanations.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) line: u32,
    /// Whether it states something, and does not merely declare names.
    pub(super) is_condition: bool,
    /// Texts of its operands, `None` where one is a literal.
    pub(super) operands: Vec<Option<String>>,
    /// Its last step, whose operands are shown.
    pub(super) shown: Option<usize>,
    /// The steps it takes to evaluate it alone: its own and those that bind its names.
    pub(super) alone: Vec<usize>,
    /// The groups it names.
    pub(super) groups: Vec<usize>,
}
