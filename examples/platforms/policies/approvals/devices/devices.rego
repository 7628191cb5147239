# METADATA
# title: Devices that enrol
# description: Which devices come into a ShellHub namespace without a person. Names and hostnames are the device's own word.
# custom: {owner: fleet}
package approvals.devices

# METADATA
# title: Device of a known line
approve contains reason if {
	input.action == "device.enroll"
	key := data.devices.keys[input.context.provisioning_key_id]
	regex.match(`^([0-9a-f]{2}:){5}[0-9a-f]{2}$`, input.context.identity)
	input.context.info.arch in key.architectures
	reason := sprintf("it has the key of %v and the architecture of its devices", [key.line])
}

# METADATA
# title: Lost device
reject contains "the device was reported lost" if {
	input.action == "device.enroll"
	input.context.identity in data.devices.lost
}
