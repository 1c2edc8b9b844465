//! The device that a choice stands for on this machine.

use candle_core::Device;

use super::{DeviceChoice, TrainError};

/// Opens the device of a choice; `auto` takes a GPU where this build and machine have one, and never fails.
///
/// # Errors
/// When the device does not exist here, or this build was made without it.
pub fn open_device(choice: DeviceChoice) -> Result<Device, TrainError> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda => cuda(),
        DeviceChoice::Metal => metal(),
        DeviceChoice::Auto => Ok(cuda().or_else(|_| metal()).unwrap_or(Device::Cpu)),
    }
}

fn cuda() -> Result<Device, TrainError> {
    open("cuda", cfg!(feature = "cuda"), Device::new_cuda)
}

fn metal() -> Result<Device, TrainError> {
    open("metal", cfg!(feature = "metal"), Device::new_metal)
}

/// Opens the first device of a kind, which goes by the name of its cargo feature.
fn open(
    name: &'static str,
    is_built: bool,
    first: fn(usize) -> candle_core::Result<Device>,
) -> Result<Device, TrainError> {
    if !is_built {
        return Err(TrainError::DeviceNotBuilt { name });
    }
    // A Mac without a GPU, as virtual ones are, makes candle panic instead of giving an error.
    match std::panic::catch_unwind(|| first(0)) {
        Ok(opened) => opened.map_err(|error| TrainError::Device { name, reason: error.to_string() }),
        Err(_) => Err(TrainError::Device { name, reason: "none was found".into() }),
    }
}

/// The device's name for screens and logs.
pub fn device_name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "CPU",
        Device::Cuda(_) => "CUDA",
        Device::Metal(_) => "Metal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_finds_a_device() {
        assert!(open_device(DeviceChoice::Auto).is_ok());
        assert!(open_device(DeviceChoice::Cpu).is_ok_and(|device| device_name(&device) == "CPU"));
    }

    #[test]
    fn a_device_that_was_not_built_names_the_feature_to_build_with() {
        for (choice, name, is_built) in [
            (DeviceChoice::Cuda, "cuda", cfg!(feature = "cuda")),
            (DeviceChoice::Metal, "metal", cfg!(feature = "metal")),
        ] {
            let Err(error) = open_device(choice) else { continue };
            let message = error.to_string();
            assert!(message.contains(name) && message.contains("--device cpu"), "{message}");
            assert_eq!(message.contains(&format!("--features {name}")), !is_built, "{message}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named_even_where_opening_it_panics() {
        let broken = |first| open("metal", true, first).unwrap_err().to_string();
        let refused = broken(|_| candle_core::bail!("no driver"));
        assert!(refused.contains("metal") && refused.contains("no driver"), "{refused}");
        let panicked = broken(|first| Ok([Device::Cpu; 0][first].clone()));
        assert!(panicked.contains("metal") && panicked.contains("none was found"), "{panicked}");
    }
}
