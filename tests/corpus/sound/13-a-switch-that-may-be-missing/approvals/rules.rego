# A switch of data that is usually not there.
package approvals

approve contains "fine" if {
	input.action == "act"
	not data.maintenance.active
}
