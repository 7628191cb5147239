//! Which steps it takes to evaluate one statement of a body by itself.

use std::collections::BTreeSet;

use crate::policy::engine::guard::term::{Act, Of, Pattern, Query, Slot, Statement, Term};

/// Works out for each statement the steps it takes to evaluate it alone.
pub(super) fn alone(query: &Query, statements: &mut [Statement]) {
    let used: Vec<BTreeSet<Slot>> = query.steps.iter().map(|step| slots_of(&step.act)).collect();
    let given: Vec<BTreeSet<Slot>> = query.steps.iter().map(|step| given_by(&step.act)).collect();
    for (index, statement) in statements.iter_mut().enumerate() {
        let mut taken: BTreeSet<usize> = (0..query.steps.len())
            .filter(|&at| {
                query
                    .steps
                    .get(at)
                    .is_some_and(|step| usize::from(step.statement) == index)
            })
            .collect();
        loop {
            let needed: BTreeSet<Slot> = taken
                .iter()
                .filter_map(|&at| used.get(at))
                .flatten()
                .copied()
                .collect();
            let before = taken.len();
            let binds = |at: usize| {
                given
                    .get(at)
                    .is_some_and(|given| !given.is_disjoint(&needed))
            };
            taken.extend((0..query.steps.len()).filter(|&at| binds(at)));
            if taken.len() == before {
                break;
            }
        }
        statement.alone = taken.into_iter().collect();
    }
}

fn given_by(act: &Act) -> BTreeSet<Slot> {
    let mut given = BTreeSet::new();
    match act {
        Act::Let(pattern, _) => bound(pattern, &mut given),
        Act::Each { key, value, .. } => {
            for pattern in key.iter().chain(value) {
                bound(pattern, &mut given);
            }
        }
        Act::Holds(_) | Act::Not(_) | Act::Every { .. } => {}
    }
    given
}

fn bound(pattern: &Pattern, given: &mut BTreeSet<Slot>) {
    match pattern {
        Pattern::Bind(slot) => {
            given.insert(*slot);
        }
        Pattern::Array(parts) => {
            for part in parts {
                bound(part, given);
            }
        }
        Pattern::Object(fields) => {
            for (_, part) in fields {
                bound(part, given);
            }
        }
        Pattern::Any | Pattern::Is(_) => {}
    }
}

fn slots_of(act: &Act) -> BTreeSet<Slot> {
    let mut slots = BTreeSet::new();
    of_act(act, &mut slots);
    slots
}

fn of_query(query: &Query, slots: &mut BTreeSet<Slot>) {
    for step in &query.steps {
        of_act(&step.act, slots);
    }
}

fn of_act(act: &Act, slots: &mut BTreeSet<Slot>) {
    match act {
        Act::Holds(term) => of_term(term, slots),
        Act::Let(pattern, term) => {
            of_pattern(pattern, slots);
            of_term(term, slots);
        }
        Act::Each { key, value, over } => {
            for pattern in key.iter().chain(value) {
                of_pattern(pattern, slots);
            }
            of_term(over, slots);
        }
        Act::Not(query) => of_query(query, slots),
        Act::Every { over, query, .. } => {
            of_term(over, slots);
            of_query(query, slots);
        }
    }
}

fn of_pattern(pattern: &Pattern, slots: &mut BTreeSet<Slot>) {
    match pattern {
        Pattern::Any | Pattern::Bind(_) => {}
        Pattern::Is(term) => of_term(term, slots),
        Pattern::Array(parts) => {
            for part in parts {
                of_pattern(part, slots);
            }
        }
        Pattern::Object(fields) => {
            for (key, part) in fields {
                of_term(key, slots);
                of_pattern(part, slots);
            }
        }
    }
}

fn of_term(term: &Term, slots: &mut BTreeSet<Slot>) {
    match term {
        Term::Literal(_) | Term::Input(_) | Term::Data(_) | Term::Rule(_) => {}
        Term::Local(slot) => {
            slots.insert(*slot);
        }
        Term::Part(of, key) => {
            of_term(of, slots);
            of_term(key, slots);
        }
        Term::Function { arguments, .. } => of_terms(arguments, slots),
        Term::Builtin(call) => of_terms(&call.arguments, slots),
        Term::Array(items) | Term::Set(items) => of_terms(items, slots),
        Term::Object(fields) => {
            for (key, value) in fields {
                of_term(key, slots);
                of_term(value, slots);
            }
        }
        Term::ArrayOf(of) | Term::SetOf(of) => of_of(of, slots),
        Term::ObjectOf(of, value) => {
            of_of(of, slots);
            of_term(value, slots);
        }
        Term::Compare(compare) => {
            of_term(&compare.of.left, slots);
            of_term(&compare.of.right, slots);
        }
        Term::Arithmetic(arithmetic) => {
            of_term(&arithmetic.of.left, slots);
            of_term(&arithmetic.of.right, slots);
        }
        Term::Union(of) | Term::Intersection(of) | Term::In(of) => {
            of_term(&of.left, slots);
            of_term(&of.right, slots);
        }
    }
}

fn of_terms(terms: &[Term], slots: &mut BTreeSet<Slot>) {
    for term in terms {
        of_term(term, slots);
    }
}

fn of_of(of: &Of, slots: &mut BTreeSet<Slot>) {
    of_query(&of.query, slots);
    of_term(&of.term, slots);
}
