package approvals.devices_test

import data.approvals.devices

keys := {"digest": {"line": "line-2", "architectures": ["arm64"]}}

device(context) := {
	"action": "device.enroll",
	"context": object.union(
		{"provisioning_key_id": "digest", "identity": "00:1b:44:11:3a:b7", "info": {"arch": "arm64"}},
		context,
	),
}

approved(request) if {
	count(devices.approve) == 1 with input as request with data.devices.keys as keys
}

rejected(request) if {
	count(devices.reject) == 1 with input as request with data.devices.lost as ["00:1b:44:11:3a:ff"]
}

test_a_device_of_the_line_is_approved if approved(device({}))

test_another_architecture_is_not if not approved(device({"info": {"arch": "amd64"}}))

test_an_unknown_key_is_not if not approved(device({"provisioning_key_id": "other"}))

test_an_address_spelt_otherwise_is_not if not approved(device({"identity": "00:1B:44:11:3A:FF"}))

test_a_lost_device_is_rejected if rejected(device({"identity": "00:1b:44:11:3a:ff"}))

test_another_is_not if not rejected(device({}))
