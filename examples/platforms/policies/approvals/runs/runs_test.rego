package approvals.runs_test

import data.approvals.runs

workspaces := {
	"ws-sandbox": {"tier": "sandbox", "branch": "main"},
	"ws-production": {"tier": "production", "branch": "main"},
	"ws-closed": {"tier": "closed", "branch": "main"},
}

run(context) := {
	"action": "terraform.run",
	"context": object.union({"is_speculative": false, "workspace_id": "ws-sandbox", "vcs_branch": "main"}, context),
}

approved(request) if {
	count(runs.approve) > 0 with input as request with data.workspaces as workspaces
}

rejected(request) if {
	count(runs.reject) > 0 with input as request with data.workspaces as workspaces
}

escalated(request) if {
	count(runs.escalate) > 0 with input as request with data.workspaces as workspaces
}

test_a_sandbox_runs_from_its_branch if approved(run({}))

test_a_sandbox_does_not_run_from_another if not approved(run({"vcs_branch": "mine"}))

test_a_sandbox_does_not_run_from_none if not approved(run({"vcs_branch": null}))

test_a_speculative_run_goes_on_anywhere if {
	approved(run({"is_speculative": true, "workspace_id": "ws-production"}))
}

test_an_unknown_workspace_is_not_approved if not approved(run({"workspace_id": "ws-other"}))

test_production_goes_to_a_person if {
	escalated(run({"workspace_id": "ws-production"}))
	not approved(run({"workspace_id": "ws-production"}))
}

test_a_sandbox_does_not if not escalated(run({}))

test_a_closed_workspace_is_rejected if rejected(run({"workspace_id": "ws-closed"}))

test_an_open_one_is_not if not rejected(run({}))
