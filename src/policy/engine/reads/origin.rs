//! Where in the input a value may come from.

use std::collections::BTreeSet;

use regorus::Value;

/// One step of a path through the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A literal key.
    Is(Value),
    /// Every element.
    Every,
    /// A literal key of which the author said what stands in for it when it is absent.
    Optional(Value),
    /// No key: the value must be one that has elements.
    Elements,
    /// The key that is found at another path of the input.
    At(Path),
    /// A key that only an evaluation would know.
    Computed,
}

/// A path through the input.
pub(crate) type Path = Vec<Key>;

/// What a value may be a part of, or may contain.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// It is the value at one of these paths.
    pub(super) paths: BTreeSet<Path>,
    /// It is a collection with such elements.
    pub(super) elements: BTreeSet<Path>,
    /// It is the value at one of these paths, or what stands in for an absent one: only what is below counts as read.
    pub(super) or_else: BTreeSet<Path>,
    /// It runs over the keys of the collections at these paths; a computed path stands for one that is not the input's.
    pub(super) keys_of: BTreeSet<Path>,
    /// What it was made of, if it is none of that itself: a sum, what a built-in returned.
    pub(super) made_of: BTreeSet<Path>,
    /// Something gave it its value: used as a key, it does not run over all keys.
    pub(super) bound: bool,
}

impl Origin {
    /// A value that something gave.
    pub(super) fn given(self) -> Self {
        Self {
            bound: true,
            ..self
        }
    }

    /// The collections a key of this value is a key of.
    pub(super) fn as_collection(&self) -> BTreeSet<Path> {
        let all: BTreeSet<Path> = self
            .paths
            .iter()
            .chain(&self.elements)
            .chain(&self.or_else)
            .cloned()
            .collect();
        if all.is_empty() {
            BTreeSet::from([vec![Key::Computed]])
        } else {
            all
        }
    }

    pub(super) fn at(path: Path) -> Self {
        Self {
            paths: BTreeSet::from([path]),
            ..Self::default()
        }
    }

    pub(super) fn step(&self, key: &Key) -> Self {
        let longer = |path: &Path| path.iter().cloned().chain([key.clone()]).collect();
        let mut paths: BTreeSet<Path> =
            self.paths.iter().chain(&self.or_else).map(longer).collect();
        paths.extend(self.elements.iter().cloned());
        // An element may itself have been built of such elements.
        Self {
            paths,
            elements: self.elements.clone(),
            made_of: self.made_of.clone(),
            ..Self::default()
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.elements.extend(other.elements);
        self.or_else.extend(other.or_else);
        self.keys_of.extend(other.keys_of);
        self.made_of.extend(other.made_of);
        self.bound |= other.bound;
    }

    pub(super) fn into_element(self) -> Self {
        let mut elements = self.elements;
        elements.extend(self.paths);
        elements.extend(self.or_else);
        Self {
            elements,
            made_of: self.made_of,
            ..Self::default()
        }
    }
}
