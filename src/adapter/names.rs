//! How tensors are named in adapter files. The published HydraLoRA code writes `lora_B0`, one fork of PEFT `lora_B.0`,
//! and plain LoRA has a single `lora_B`.

use super::{AdapterSpec, Method, Module};

/// What PEFT puts before every module's name.
const PREFIX: &str = "base_model.model.";

/// One tensor's part in a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The `A` that all heads share.
    SharedA,
    /// The `A` of one head.
    A(usize),
    B(usize),
    Router,
}

/// The parts of one module, in the order of `ModuleTensors::all`.
pub(crate) fn module_parts(spec: &AdapterSpec) -> impl Iterator<Item = Part> + use<> {
    let heads = spec.heads;
    let (shared, own) = if spec.method.shares_a() { (Some(Part::SharedA), 0) } else { (None, heads) };
    let router = spec.method.has_router().then_some(Part::Router);
    shared.into_iter().chain((0..own).map(Part::A)).chain((0..heads).map(Part::B)).chain(router)
}

/// How the heads' tensors are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `lora_B0.weight`: the published code, and what we write.
    Numbered,
    /// `lora_B.0.weight`: the fork that says `lora_num`.
    Dotted,
    /// `lora_B.weight`: plain LoRA as PEFT writes it.
    Single,
}

impl Spelling {
    /// The spelling we write.
    pub fn of(method: Method) -> Self {
        if method == Method::Lora { Self::Single } else { Self::Numbered }
    }

    /// A tensor's full name in the file.
    pub fn name(self, module: Module, part: Part) -> String {
        let tail = match (part, self) {
            (Part::SharedA, _) => "lora_A".to_string(),
            (Part::A(i), Self::Dotted) => format!("lora_A.{i}"),
            (Part::A(i), _) => format!("lora_A{i}"),
            (Part::B(i), Self::Numbered) => format!("lora_B{i}"),
            (Part::B(i), Self::Dotted) => format!("lora_B.{i}"),
            (Part::B(_), Self::Single) => "lora_B".to_string(),
            (Part::Router, _) => "lora_route".to_string(),
        };
        format!("{PREFIX}{module}.{tail}.weight")
    }
}

/// The module that a tensor's name stands under; `None` where it is not a projection we know.
pub(crate) fn module_of(name: &str) -> Option<Module> {
    Module::leading(name.strip_prefix(PREFIX)?).map(|(module, _)| module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;

    const UP: Module = Module { layer: 12, target: Target::Up };

    #[test]
    fn names_follow_the_published_code() {
        let spec = AdapterSpec { heads: 2, ..AdapterSpec::default() };
        let names: Vec<_> = module_parts(&spec).map(|p| Spelling::of(spec.method).name(UP, p)).collect();
        let start = "base_model.model.model.layers.12.mlp.up_proj.";
        let tails = ["lora_A.weight", "lora_B0.weight", "lora_B1.weight", "lora_route.weight"];
        assert_eq!(names, tails.map(|tail| format!("{start}{tail}")));
    }

    #[test]
    fn independent_heads_number_their_a_as_well() {
        let spec = AdapterSpec { method: Method::LoraSplit, heads: 2, ..AdapterSpec::default() };
        let parts: Vec<_> = module_parts(&spec).collect();
        assert_eq!(parts, [Part::A(0), Part::A(1), Part::B(0), Part::B(1)]);
        assert!(Spelling::Numbered.name(UP, Part::A(1)).ends_with("up_proj.lora_A1.weight"));
    }

    #[test]
    fn a_module_is_found_in_a_name_only_under_its_own_block() {
        assert_eq!(module_of("base_model.model.model.layers.12.mlp.up_proj.lora_A.weight"), Some(UP));
        assert_eq!(module_of("base_model.model.model.layers.12.self_attn.up_proj.lora_A.weight"), None);
        assert_eq!(module_of("base_model.model.lm_head.lora_A.weight"), None);
        assert_eq!(module_of("model.layers.12.mlp.up_proj.lora_A.weight"), None);
    }
}
