//! Whether the tensors of a file are exactly those of a spec: none missing, none extra, every shape right.

use std::collections::{BTreeMap, HashSet};

use super::names::{Part, Spelling, module_of, module_parts};
use super::{AdapterError, AdapterSpec, Module};

/// Gives a module's `(in, out)` in the base model; `None` where the model has no such module.
pub type Dims<'a> = &'a dyn Fn(Module) -> Option<(usize, usize)>;

/// What the base model at hand asks of an adapter; without it only the adapter's own consistency is checked.
#[derive(Clone, Copy, Default)]
pub(crate) struct BaseShape<'a> {
    pub dims: Option<Dims<'a>>,
    pub layers: Option<usize>,
}

/// Checks every name and shape, and gives back the number of layers adapted.
pub(crate) fn check_shapes(
    spec: &AdapterSpec,
    spelling: Spelling,
    shapes: &BTreeMap<String, Vec<usize>>,
    base: BaseShape<'_>,
) -> Result<usize, AdapterError> {
    let deepest = shapes.keys().filter_map(|name| module_of(name)).map(|module| module.layer).max();
    let found = deepest.map(|layer| layer.saturating_add(1));
    let layers = match (base.layers, found) {
        (Some(expected), Some(found)) if expected != found => {
            return Err(AdapterError::OtherDepth { expected, found });
        }
        (expected, found) => expected.or(found).unwrap_or(1),
    };
    let mut known = HashSet::new();
    for module in spec.modules(layers) {
        let mut sides = Sides::new(module, base.dims)?;
        for part in module_parts(spec) {
            let name = spelling.name(module, part);
            match shapes.get(&name) {
                None => return Err(AdapterError::MissingTensor { name }),
                Some(shape) => sides.check(spec, part, &name, shape)?,
            }
            known.insert(name);
        }
    }
    let mut extra = shapes.keys().filter(|&name| !known.contains(name));
    match extra.next() {
        Some(name) => Err(AdapterError::ExtraTensor { name: name.clone(), count: 1 + extra.count() }),
        None => Ok(layers),
    }
}

/// The input and output size of one module: the base model's, or those of the first tensor that has the side.
struct Sides {
    module: Module,
    inputs: Option<usize>,
    outputs: Option<usize>,
    from_model: bool,
}

impl Sides {
    fn new(module: Module, dims: Option<Dims<'_>>) -> Result<Self, AdapterError> {
        let Some(dims) = dims else {
            return Ok(Self { module, inputs: None, outputs: None, from_model: false });
        };
        let (inputs, outputs) = dims(module).ok_or(AdapterError::NoSuchModule { module })?;
        Ok(Self { module, inputs: Some(inputs), outputs: Some(outputs), from_model: true })
    }

    fn check(&mut self, spec: &AdapterSpec, part: Part, name: &str, shape: &[usize]) -> Result<(), AdapterError> {
        let is_b = matches!(part, Part::B(_));
        let inner = if part == Part::Router { spec.heads } else { spec.rank };
        let (side, label) = if is_b { (&mut self.outputs, "outputs") } else { (&mut self.inputs, "inputs") };
        let wrong = |side: &Option<usize>| {
            let size = side.map_or(label.to_string(), |size| size.to_string());
            let expected = if is_b { format!("[{size}, {inner}]") } else { format!("[{inner}, {size}]") };
            AdapterError::Shape { name: name.to_string(), expected, found: shape.to_vec() }
        };
        let (found, found_inner) = match *shape {
            [rows, columns] if is_b => (rows, columns),
            [rows, columns] => (columns, rows),
            _ => return Err(wrong(side)),
        };
        if found_inner != inner {
            return Err(wrong(side));
        }
        match *side {
            Some(expected) if expected != found && self.from_model => {
                Err(AdapterError::OtherModel { module: self.module, side: label, expected, found })
            }
            Some(expected) if expected != found => Err(wrong(side)),
            Some(_) => Ok(()),
            None => {
                *side = Some(found);
                Ok(())
            }
        }
    }
}
