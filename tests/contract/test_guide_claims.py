"""The page for whoever comes from AICR claims nothing that no test holds: each of its blocks is tied to some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "site/docs/guide/aicr.md").read_text(encoding="utf-8").partition("# Coming from AICR\n")[2]
CLAIMS = {
    # the first words of a block: the tests of what it says, each FILE::NAME below tests/
    "Clusterbook reads AICR's documents and recipe trees": """
        catalog/test_load.py::test_each_spelling_of_api_version_is_read
        contract/test_read_documents.py::test_criteria_mean_the_same_however_they_are_written
        contract/test_read_documents.py::test_a_recipe_is_bundled_however_it_is_written
        contract/test_written_documents.py::test_a_recipe_is_whole_for_whoever_reads_it
        contract/test_written_documents.py::test_a_snapshot_says_the_same_of_a_cluster""",
    "| `aicr recipe --service eks …`": """
        cli/test_lookup.py::test_criteria_that_change_nothing_are_refused_with_the_nearest_recipes
        cli/test_lookup.py::test_an_inherited_recipe_is_served_when_accepted""",
    "| `aicr query --selector …`": """
        cli/test_lookup.py::test_a_query_reaches_lists_quoted_keys_and_validation
        documents/test_selector.py::test_a_selector_finds_its_value""",
    "| `aicr bundle --recipe …`": """
        lookup/test_recipe_file.py::test_a_bundle_installs_what_the_recipe_says
        verify/test_verify.py::test_a_bundle_made_from_a_published_recipe_is_derived_from_it
        verify/test_verify.py::test_a_bundle_made_from_another_recipe_is_not""",
    "| `aicr verify`": "verify/test_verify.py::test_a_file_that_is_not_as_recorded_is_named",
    "| `aicr recipe … --profile gpuStack=…`": """
        lookup/test_choices.py::test_a_choice_is_made_by_flag_by_name_by_file_and_by_environment
        contract/test_published_profiles.py::test_each_answer_is_published_under_its_own_name""",
    "| `aicr recipe validate FILE`": """
        cli/test_reference_words.py::test_a_command_of_two_words_is_the_one_that_it_is_here
        cli/test_check.py::test_a_document_is_checked_by_its_kind
        cli/test_check.py::test_a_tree_is_checked_alone_or_over_the_catalog""",
    "| `--data DIR --external-only`": "cli/test_check.py::test_a_tree_is_asked_alone",
    "| `--runtime-inventory`, `--slurm-accounting-mode`": """
        contract/test_guide_aicr.py::test_the_inventory_is_left_out_where_a_recipe_has_it_and_granted_to_none
        contract/test_profiles.py::test_whether_slurm_counts_jobs_decides_what_is_deployed
        cli/test_inherit.py::test_a_runtime_is_told_the_networks_of_its_interfaces
        cli/test_inherit.py::test_a_recipe_keeps_what_an_older_one_deployed""",
    "| a recipe source in a registry": """
        cli/test_registry_sources.py::test_a_tree_in_a_registry_is_the_tree_in_a_folder
        cli/test_registry_sources.py::test_what_nobody_signed_is_taken_by_its_digest_alone""",
    "| `aicr recipe list`": """
        cli/test_reference_words.py::test_a_command_of_two_words_is_the_one_that_it_is_here
        cli/test_lookup.py::test_the_list_shows_composed_recipes_when_asked""",
    "| `-o cm://NAMESPACE/NAME`": """
        cli/test_config_maps.py::test_a_recipe_is_kept_and_found_again
        cli/test_config_maps.py::test_a_kubeconfig_says_nothing_where_no_cluster_is_asked
        interop/test_snapshot_cluster.py::test_a_snapshot_in_a_configmap_comes_back_and_kubectl_sees_it""",
    "| `aicr snapshot`": "cli/test_snapshot.py::test_many_gaps_are_counted",
    "| `aicr validate`": """
        cli/test_validate.py::test_what_the_cluster_does_not_show_is_not_taken_for_granted
        evidence/test_folder.py::test_a_report_that_does_not_follow_is_refused_whoever_signed""",
    "| `aicr diff`": """
        contract/test_guide_aicr.py::test_drift_and_findings_end_as_the_page_says
        diff/test_snapshots.py::test_a_difference_is_told_with_what_it_matters
        diff/test_snapshots.py::test_paths_are_ignored_by_patterns""",
    "| `aicr mirror list`": """
        lookup/test_recipe_file.py::test_a_mirror_list_names_the_charts_of_the_recipe
        mirror/test_list.py::test_a_list_with_gaps_says_so_itself""",
    "| – | `clusterbook mirror save`": "mirror/test_mirrors.py::test_what_crossed_is_there_signed_and_as_it_was",
    "| – | `clusterbook fetch`": """
        verify/test_verify.py::test_what_somebody_else_signed_is_neither_fetched_nor_unpacked""",
    "| – | `clusterbook fit`": "cli/test_validate.py::test_every_recipe_is_held_against_a_cluster",
    "| – | `clusterbook explain`": "cli/test_lookup.py::test_explain_prints_the_blame_chain_winner_last",
    "| – | `clusterbook diff`": """
        cli/test_diff.py::test_a_version_goes_by_many_names
        cli/test_diff.py::test_releases_are_compared_as_a_whole""",
    "`--recipe FILE` takes it as it is": """
        lookup/test_recipe_file.py::test_a_recipe_of_any_program_answers_for_itself
        lookup/test_recipe_file.py::test_values_in_a_file_of_another_tree_are_not_taken_from_ours
        lookup/test_recipe_file.py::test_values_are_completed_from_the_tree_that_was_named""",
    "A file that holds criteria alone": """
        contract/test_read_documents.py::test_what_criteria_cannot_be_is_refused
        lookup/test_recipe_file.py::test_an_overlay_of_the_catalog_stands_for_its_criteria
        lookup/test_recipe_file.py::test_an_overlay_whose_lines_would_be_ignored_is_refused""",
    "Of the results that AICR's program gives": """
        contract/test_profiles.py::test_every_combination_with_and_without_a_profile_is_what_the_reference_resolves
        contract/test_profiles.py::test_every_other_combination_of_these_services_is_refused
        contract/test_reference.py::test_every_tuple_resolves_to_what_the_reference_resolves
        contract/test_guide_aicr.py::test_the_figures_of_what_is_equal_are_those_of_the_results""",
    "For GKE, OKE, OCP, LKE and BCM": """
        contract/test_plain_resolver.py::test_the_second_resolver_makes_of_the_tree_what_the_reference_makes
        contract/test_plain_resolver.py::test_every_combination_of_every_service_is_what_the_second_resolver_makes_of_it""",
    "A profile is a choice": "contract/test_guide_aicr.py::test_the_commands_of_the_page_work",
    "A configuration file says it as": """
        lookup/test_choices.py::test_a_choice_is_made_by_flag_by_name_by_file_and_by_environment
        contract/test_guide_aicr.py::test_what_the_page_calls_locked_is_locked
        lookup/test_choices.py::test_a_snapshot_that_an_answer_is_not_for_ends_the_look_up""",
    "Who brings the database of Slurm's accounting": """
        contract/test_profiles.py::test_whether_slurm_counts_jobs_decides_what_is_deployed
        contract/test_guide_aicr.py::test_the_inventory_is_left_out_where_a_recipe_has_it_and_granted_to_none""",
    "`--gke-tcpxo-interfaces eth1=NETWORK": """
        cli/test_inherit.py::test_a_runtime_is_told_the_networks_of_its_interfaces
        contract/test_guide_aicr.py::test_no_recipe_of_that_tree_has_the_runtime_that_needs_networks""",
    "A newer catalog may put a component": """
        contract/test_guide_aicr.py::test_a_component_stays_in_the_namespace_that_it_was_deployed_to
        cli/test_inherit.py::test_a_bundle_says_what_its_objects_are_called_and_brings_its_manifests
        cli/test_inherit.py::test_a_bundle_of_the_reference_says_it_in_its_values
        cli/test_inherit.py::test_what_is_no_older_recipe_of_this_cluster_is_refused""",
    "- A document of a tree that is not understood": """
        catalog/test_load.py::test_an_overlay_that_is_not_understood_costs_what_builds_on_it_and_no_more
        catalog/test_load.py::test_a_mixin_that_is_not_understood_costs_what_names_it""",
    "- A criterion that has no effect": "cli/test_lookup.py::test_an_inherited_recipe_is_served_when_accepted",
    "- Upgrade records (`upgrades.file`)": """
        catalog/test_upgrade_records.py::test_all_records_of_november_are_read
        catalog/test_upgrade_records.py::test_an_index_and_its_sources_give_the_same_records
        test_bad.py::test_a_mistake_is_found_where_it_stands""",
    "- A bundle for Flux replaces the CRDs": """
        bundle/flux/test_files.py::test_kinds_are_replaced_unless_a_chart_is_said_not_to_own_them""",
    "- A recipe that is handed in has to fit": """
        contract/test_guide_aicr.py::test_a_recipe_that_does_not_fit_together_is_refused""",
    "- Findings end with 10": "contract/test_guide_aicr.py::test_drift_and_findings_end_as_the_page_says",
    "`--dra-eviction-node-label`, `--split`": """
        contract/test_guide_aicr.py::test_no_flag_is_there_that_the_page_misses_and_none_is_missing_that_it_names
        cli/test_reference_words.py::test_a_flag_that_is_none_here_is_answered_with_what_does_it
        contract/test_guide_aicr.py::test_the_inventory_is_left_out_where_a_recipe_has_it_and_granted_to_none""",
    "`class` of a registry": """
        test_bad.py::test_a_mistake_is_found_where_it_stands
        bundle/test_later_checks.py::test_a_bundle_is_refused_or_advised_as_the_registry_says""",
    "A recipe for AICR carries its values": """
        contract/test_written_documents.py::test_a_recipe_is_whole_for_whoever_reads_it
        contract/test_written_documents.py::test_manifests_that_are_not_written_are_told
        contract/test_written_documents.py::test_what_was_chosen_is_not_written_in_a_version_that_knows_no_choices""",
    "A configuration of AICR (`kind: AICRConfig`)": """
        cli/test_config_reference.py::test_every_key_that_the_reference_reads_is_taken
        cli/test_config_reference.py::test_a_key_of_which_nothing_comes_is_refused_by_its_name""",
    "| recipe | `aicr.run/v1` and before": """
        contract/test_read_documents.py::test_a_key_that_is_not_read_is_told_and_has_a_place""",
    "| recipe of which something was chosen": """
        contract/test_read_documents.py::test_what_a_recipe_cannot_be_is_refused""",
    "| criteria | `aicr.run/v1` |": "contract/test_read_documents.py::test_what_criteria_cannot_be_is_refused",
    "| criteria | `aicr.run/v1alpha2` and before": """
        contract/test_read_documents.py::test_what_alpha_passed_over_is_told""",
    "| configuration | all": "cli/test_config_reference.py::test_what_is_no_configuration_is_refused_at_its_place",
    "An `apiVersion` that belongs to another kind": """
        cli/test_config_reference.py::test_an_api_version_of_other_documents_is_refused
        contract/test_read_documents.py::test_what_a_recipe_cannot_be_is_refused
        contract/test_read_documents.py::test_what_a_snapshot_cannot_be_is_found
        cli/test_check.py::test_a_document_is_checked_by_its_kind""",
}


def blocks() -> Iterator[str]:
    """Yield each claim-bearing block of the page: a row of a table without its head, an item of a list, a paragraph."""
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    for part in re.split(r"\n\s*\n", text):
        block = part.strip()
        if block.startswith("|"):
            yield from block.splitlines()[2:]
        elif block.startswith("- "):
            yield from re.split(r"\n(?=- )", block)
        elif block and not block.startswith("#"):
            yield block


def test_every_block_of_the_page_is_tied_to_tests() -> None:
    found = [[words for words in CLAIMS if block.startswith(words)] for block in blocks()]
    assert len(found) > 40
    assert [block for block, words in zip(blocks(), found, strict=True) if len(words) != 1] == []
    assert {words for (words,) in found} == CLAIMS.keys()


@pytest.mark.parametrize("named", sorted({name for names in CLAIMS.values() for name in names.split()}))
def test_each_of_these_tests_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", text, re.MULTILINE)
