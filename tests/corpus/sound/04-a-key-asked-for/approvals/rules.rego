# Whether a coupon is there is asked by its key.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	"coupon" in object.keys(input.context)
}
