# Rows of data compared with the request.
package approvals

approve contains "fine" if {
	input.action == "act"
	some row in data.rows
	row.currency == input.context.currency
	input.context.amount >= row.from
	input.context.amount < row.to
}
