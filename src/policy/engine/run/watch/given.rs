//! What a body gave, and a built-in that gave nothing.

use regorus::Value;

use super::Watch;
use crate::policy::engine::bounds::{self, TOO_MUCH};
use crate::policy::engine::show;

impl Watch<'_> {
    pub(super) fn result(&mut self, level: usize, value: &Value) {
        let Some(frame) = self
            .frames
            .get_mut(level)
            .filter(|_| *value != Value::Undefined)
        else {
            return;
        };
        let (owner, last) = (frame.owner, frame.last);
        let before = frame.result.replace(value.clone());
        if let Some(before) = before.filter(|before| before != value) {
            let name = self
                .compiled
                .owners
                .get(owner as usize)
                .map(|owner| owner.name.clone())
                .unwrap_or_default();
            self.trouble_here(
                level,
                last,
                format!("`{name}` has two values: {before} and {value}"),
            );
        }
    }

    pub(super) fn entry(&mut self, level: usize, key: &Value, value: &Value) {
        let Some(frame) = self.frames.get_mut(level) else {
            return;
        };
        let (owner, last) = (frame.owner, frame.last);
        let clash = frame
            .entries
            .iter()
            .find(|(known, before)| known == key && before != value)
            .is_some();
        frame.entries.push((key.clone(), value.clone()));
        if clash {
            let name = self
                .compiled
                .owners
                .get(owner as usize)
                .map(|owner| owner.name.clone())
                .unwrap_or_default();
            self.trouble_here(
                level,
                last,
                format!("`{name}` has two values for the key {key}"),
            );
        }
    }

    pub(super) fn builtin(&mut self, level: usize, call: u16, registers: &[Value]) {
        let program = &self.compiled.program;
        let Some(params) = program.instruction_data.get_builtin_call_params(call) else {
            return;
        };
        let value = |register: u8| {
            registers
                .get(usize::from(register))
                .unwrap_or(&Value::Undefined)
        };
        if *value(params.dest) != Value::Undefined {
            return;
        }
        let arguments: Vec<&Value> = params
            .arg_registers()
            .iter()
            .map(|&register| value(register))
            .collect();
        if arguments.contains(&&Value::Undefined) {
            if let Some(frame) = self.frames.get_mut(level) {
                frame.skipped = true;
            }
            return;
        }
        let name = program
            .get_builtin_info(params.builtin_index)
            .map_or("a built-in", |info| info.name.as_str());
        let given: Vec<Value> = arguments.iter().map(|&value| value.clone()).collect();
        let shown: Vec<String> = arguments.into_iter().map(show).collect();
        let what = if bounds::exceeds(name, &given) {
            format!("{TOO_MUCH}:")
        } else {
            "failed on".to_owned()
        };
        let message = format!("`{name}` {what} {}", shown.join(", "));
        let mut last = 0;
        if let Some(frame) = self.frames.get_mut(level) {
            // What comes of it is undefined for this reason and needs no other.
            frame.skipped = true;
            last = frame.last;
        }
        self.trouble_here(level, last, message);
    }
}
