# A package of its own, for another action.
package approvals

approve contains "nothing speaks against it" if input.action == "act"
