# METADATA
# title: Terraform runs
# description: |
#  Which runs of HCP Terraform go on. The payload of a run task holds no plan, so the rules are about where the run is and
#  what it is from.
# custom: {owner: platform}
package approvals.runs

# METADATA
# title: Run that cannot be applied
approve contains "it is speculative: nothing can be applied from it" if {
	input.action == "terraform.run"
	input.context.is_speculative == true
}

# METADATA
# title: Sandbox from its own branch
approve contains reason if {
	input.action == "terraform.run"
	workspace := data.workspaces[input.context.workspace_id]
	workspace.tier == "sandbox"
	input.context.vcs_branch == workspace.branch
	reason := sprintf("workspace %v is a sandbox, and this is its branch %v", [
		input.context.workspace_id,
		workspace.branch,
	])
}

# METADATA
# title: Closed workspace
reject contains reason if {
	input.action == "terraform.run"
	data.workspaces[input.context.workspace_id].tier == "closed"
	reason := sprintf("workspace %v is closed", [input.context.workspace_id])
}

# METADATA
# title: Production
# description: HCP Terraform waits for ten minutes, so a person has nine.
escalate contains {"reason": "production runs have an owner's word", "to": "platform", "within": "9m"} if {
	input.action == "terraform.run"
	data.workspaces[input.context.workspace_id].tier == "production"
}
