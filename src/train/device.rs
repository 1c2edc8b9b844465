//! The device that a choice stands for on this machine.

use candle_core::Device;

use super::{DeviceChoice, TrainError};

/// Opens the device of a choice; `auto` takes a GPU where this build and machine have one.
///
/// # Errors
/// When the device does not exist here, or this build was made without it.
pub fn open_device(choice: DeviceChoice) -> Result<Device, TrainError> {
    let unavailable =
        |name: &'static str, source: candle_core::Error| TrainError::Device { name, reason: source.to_string() };
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda => Device::new_cuda(0).map_err(|e| unavailable("cuda", e)),
        DeviceChoice::Metal => Device::new_metal(0).map_err(|e| unavailable("metal", e)),
        DeviceChoice::Auto => Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu)),
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
    fn auto_always_finds_a_device_and_a_missing_one_is_named() {
        assert!(open_device(DeviceChoice::Auto).is_ok());
        assert!(open_device(DeviceChoice::Cpu).is_ok_and(|device| device_name(&device) == "CPU"));
        if let Err(error) = open_device(DeviceChoice::Metal) {
            assert!(error.to_string().contains("metal") && error.to_string().contains("--device cpu"), "{error}");
        }
    }
}
