# Made by tools/manual from the parser of the command line, with shtab.

_shtab_longshore_mirror_subparsers=(list plan run schedule export import)
_shtab_longshore_keys_subparsers=(list add remove only-signed)
_shtab_longshore_queue_subparsers=(list resume remove clear)
_shtab_longshore_subparsers=(pull push copy index build save load mirror run images repositories tags search inspect verify keys tag remove prune login logout whoami history queue undo doctor lock outdated update completion)

_shtab_longshore_pull_option_strings=(-h --help --json --quiet -q --engine -f --file --kind --build-arg --to --platform --all-platforms --native --only-signed)
_shtab_longshore_push_option_strings=(-h --help --json --quiet -q --engine --from --no-overwrite)
_shtab_longshore_copy_option_strings=(-h --help --json --quiet -q --engine --platform --referrers --force --all-tags --tags -f --file --kind --build-arg --map)
_shtab_longshore_index_option_strings=(-h --help --json --quiet -q --engine --replace --force)
_shtab_longshore_build_option_strings=(-h --help --json --quiet -q --engine -t --tag -f --file --target --build-arg --label --platform --no-cache --pull --builder)
_shtab_longshore_save_option_strings=(-h --help --json --quiet -q --engine -o --output --from --format --platform --force)
_shtab_longshore_load_option_strings=(-h --help --json --quiet -q --engine --to)
_shtab_longshore_mirror_list_option_strings=(-h --help --json --quiet -q)
_shtab_longshore_mirror_plan_option_strings=(-h --help --json --quiet -q --all --delete-extras)
_shtab_longshore_mirror_run_option_strings=(-h --help --json --quiet -q --all --delete-extras --dry-run --yes --max-deletes)
_shtab_longshore_mirror_schedule_option_strings=(-h --help --json --quiet -q --by --yes --list --remove --delete-extras --max-deletes)
_shtab_longshore_mirror_export_option_strings=(-h --help --json --quiet -q)
_shtab_longshore_mirror_import_option_strings=(-h --help --json --quiet -q --dry-run --replace)
_shtab_longshore_mirror_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_run_option_strings=(-h --help --json --quiet -q --engine --detach -d --rm --name --publish -p --publish-all -P --env -e --volume -v --mount --network --workdir -w --user -u --entrypoint --pull)
_shtab_longshore_images_option_strings=(-h --help --json --quiet -q --engine --from --digests)
_shtab_longshore_repositories_option_strings=(-h --help --json --quiet -q --engine --filter --limit)
_shtab_longshore_tags_option_strings=(-h --help --json --quiet -q --engine --filter --details --limit --history --all)
_shtab_longshore_search_option_strings=(-h --help --json --quiet -q --engine --registry --limit)
_shtab_longshore_inspect_option_strings=(-h --help --json --quiet -q --engine --platform --raw --config --files --save-file --path --find --layer --shared --who-can-pull --attached --packages --findings --scan --scanner --format --compare --show-secrets)
_shtab_longshore_verify_option_strings=(-h --help --json --quiet -q --engine --key)
_shtab_longshore_keys_list_option_strings=(-h --help --json --quiet -q)
_shtab_longshore_keys_add_option_strings=(-h --help --json --quiet -q --name --identity --issuer)
_shtab_longshore_keys_remove_option_strings=(-h --help --json --quiet -q)
_shtab_longshore_keys_only_signed_option_strings=(-h --help --json --quiet -q --off)
_shtab_longshore_keys_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_tag_option_strings=(-h --help --json --quiet -q --engine --from)
_shtab_longshore_remove_option_strings=(-h --help --json --quiet -q --engine --from --yes -y --force --dry-run)
_shtab_longshore_prune_option_strings=(-h --help --json --quiet -q --engine --from --older-than --keep-newest --name --dangling --unused --never --order --yes -y --dry-run)
_shtab_longshore_login_option_strings=(-h --help --json --quiet -q --engine --username -u --password-stdin)
_shtab_longshore_logout_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_whoami_option_strings=(-h --help --json --quiet -q --engine --check)
_shtab_longshore_history_option_strings=(-h --help --json --quiet -q --engine --limit --failed --since --filter)
_shtab_longshore_queue_list_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_queue_resume_option_strings=(-h --help --json --quiet -q --engine --all)
_shtab_longshore_queue_remove_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_queue_clear_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_queue_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_undo_option_strings=(-h --help --json --quiet -q --engine --list --limit --to --yes -y --force --dry-run)
_shtab_longshore_doctor_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_lock_option_strings=(-h --help --json --quiet -q --engine --check --update --output --kind --build-arg)
_shtab_longshore_outdated_option_strings=(-h --help --json --quiet -q --engine -f --file --from --tags-only --min-age --major --kind --build-arg)
_shtab_longshore_update_option_strings=(-h --help --json --quiet -q --engine --all -f --file --kind --build-arg --from --min-age --major --newer-version --dry-run --yes -y --snooze --wake)
_shtab_longshore_completion_option_strings=(-h --help --json --quiet -q --engine)
_shtab_longshore_option_strings=(-h --help --version --registry --engine --debug)

_shtab_longshore_pull__f_COMPGEN=_shtab_compgen_files
_shtab_longshore_pull___file_COMPGEN=_shtab_compgen_files
_shtab_longshore_copy__f_COMPGEN=_shtab_compgen_files
_shtab_longshore_copy___file_COMPGEN=_shtab_compgen_files
_shtab_longshore_build__f_COMPGEN=_shtab_compgen_files
_shtab_longshore_build___file_COMPGEN=_shtab_compgen_files
_shtab_longshore_save__o_COMPGEN=_shtab_compgen_files
_shtab_longshore_save___output_COMPGEN=_shtab_compgen_files
_shtab_longshore_load_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_list_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_plan_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_run_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_schedule_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_schedule___remove_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_export_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_mirror_import_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_verify___key_COMPGEN=_shtab_compgen_files
_shtab_longshore_keys_add_pos_1_COMPGEN=_shtab_compgen_files
_shtab_longshore_lock_pos_0_COMPGEN=_shtab_compgen_files
_shtab_longshore_lock___output_COMPGEN=_shtab_compgen_files
_shtab_longshore_outdated__f_COMPGEN=_shtab_compgen_files
_shtab_longshore_outdated___file_COMPGEN=_shtab_compgen_files
_shtab_longshore_update__f_COMPGEN=_shtab_compgen_files
_shtab_longshore_update___file_COMPGEN=_shtab_compgen_files

_shtab_longshore_pull___kind_choices=(compose kubernetes dockerfile list)
_shtab_longshore_pull___to_choices=(engine library)
_shtab_longshore_push___from_choices=(engine library)
_shtab_longshore_copy___kind_choices=(compose kubernetes dockerfile list)
_shtab_longshore_build___builder_choices=(engine buildx)
_shtab_longshore_save___from_choices=(engine library registry)
_shtab_longshore_save___format_choices=(docker oci)
_shtab_longshore_mirror_schedule___by_choices=(systemd cron)
_shtab_longshore_mirror_pos_0_choices=(list plan run schedule export import)
_shtab_longshore_images___from_choices=(engine library)
_shtab_longshore_inspect___scanner_choices=(trivy grype)
_shtab_longshore_inspect___format_choices=(table csv)
_shtab_longshore_keys_pos_0_choices=(list add remove only-signed)
_shtab_longshore_tag___from_choices=(engine library registry)
_shtab_longshore_remove___from_choices=(engine library registry)
_shtab_longshore_prune___from_choices=(engine library registry)
_shtab_longshore_prune___order_choices=(date version)
_shtab_longshore_queue_pos_0_choices=(list resume remove clear)
_shtab_longshore_lock___kind_choices=(compose kubernetes dockerfile list)
_shtab_longshore_outdated___from_choices=(engine library)
_shtab_longshore_outdated___kind_choices=(compose kubernetes dockerfile list)
_shtab_longshore_update___kind_choices=(compose kubernetes dockerfile list)
_shtab_longshore_update___from_choices=(engine library)
_shtab_longshore_completion_pos_0_choices=(bash zsh fish)
_shtab_longshore_pos_0_choices=(pull push copy index build save load mirror run images repositories tags search inspect verify keys tag remove prune login logout whoami history queue undo doctor lock outdated update completion)

_shtab_longshore_pull_pos_0_nargs='*'
_shtab_longshore_pull__h_nargs=0
_shtab_longshore_pull___help_nargs=0
_shtab_longshore_pull___json_nargs=0
_shtab_longshore_pull___quiet_nargs=0
_shtab_longshore_pull__q_nargs=0
_shtab_longshore_pull___all_platforms_nargs=0
_shtab_longshore_pull___native_nargs=0
_shtab_longshore_pull___only_signed_nargs=0
_shtab_longshore_push_pos_1_nargs='*'
_shtab_longshore_push__h_nargs=0
_shtab_longshore_push___help_nargs=0
_shtab_longshore_push___json_nargs=0
_shtab_longshore_push___quiet_nargs=0
_shtab_longshore_push__q_nargs=0
_shtab_longshore_push___no_overwrite_nargs=0
_shtab_longshore_copy__h_nargs=0
_shtab_longshore_copy___help_nargs=0
_shtab_longshore_copy___json_nargs=0
_shtab_longshore_copy___quiet_nargs=0
_shtab_longshore_copy__q_nargs=0
_shtab_longshore_copy___referrers_nargs=0
_shtab_longshore_copy___force_nargs=0
_shtab_longshore_copy___all_tags_nargs=0
_shtab_longshore_index_pos_1_nargs=+
_shtab_longshore_index__h_nargs=0
_shtab_longshore_index___help_nargs=0
_shtab_longshore_index___json_nargs=0
_shtab_longshore_index___quiet_nargs=0
_shtab_longshore_index__q_nargs=0
_shtab_longshore_index___replace_nargs=0
_shtab_longshore_index___force_nargs=0
_shtab_longshore_build__h_nargs=0
_shtab_longshore_build___help_nargs=0
_shtab_longshore_build___json_nargs=0
_shtab_longshore_build___quiet_nargs=0
_shtab_longshore_build__q_nargs=0
_shtab_longshore_build___no_cache_nargs=0
_shtab_longshore_build___pull_nargs=0
_shtab_longshore_save__h_nargs=0
_shtab_longshore_save___help_nargs=0
_shtab_longshore_save___json_nargs=0
_shtab_longshore_save___quiet_nargs=0
_shtab_longshore_save__q_nargs=0
_shtab_longshore_save___force_nargs=0
_shtab_longshore_load_pos_0_nargs=+
_shtab_longshore_load__h_nargs=0
_shtab_longshore_load___help_nargs=0
_shtab_longshore_load___json_nargs=0
_shtab_longshore_load___quiet_nargs=0
_shtab_longshore_load__q_nargs=0
_shtab_longshore_mirror_list_pos_0_nargs='*'
_shtab_longshore_mirror_list__h_nargs=0
_shtab_longshore_mirror_list___help_nargs=0
_shtab_longshore_mirror_list___json_nargs=0
_shtab_longshore_mirror_list___quiet_nargs=0
_shtab_longshore_mirror_list__q_nargs=0
_shtab_longshore_mirror_plan_pos_0_nargs='*'
_shtab_longshore_mirror_plan__h_nargs=0
_shtab_longshore_mirror_plan___help_nargs=0
_shtab_longshore_mirror_plan___json_nargs=0
_shtab_longshore_mirror_plan___quiet_nargs=0
_shtab_longshore_mirror_plan__q_nargs=0
_shtab_longshore_mirror_plan___all_nargs=0
_shtab_longshore_mirror_plan___delete_extras_nargs=0
_shtab_longshore_mirror_run_pos_0_nargs='*'
_shtab_longshore_mirror_run__h_nargs=0
_shtab_longshore_mirror_run___help_nargs=0
_shtab_longshore_mirror_run___json_nargs=0
_shtab_longshore_mirror_run___quiet_nargs=0
_shtab_longshore_mirror_run__q_nargs=0
_shtab_longshore_mirror_run___all_nargs=0
_shtab_longshore_mirror_run___delete_extras_nargs=0
_shtab_longshore_mirror_run___dry_run_nargs=0
_shtab_longshore_mirror_run___yes_nargs=0
_shtab_longshore_mirror_schedule__h_nargs=0
_shtab_longshore_mirror_schedule___help_nargs=0
_shtab_longshore_mirror_schedule___json_nargs=0
_shtab_longshore_mirror_schedule___quiet_nargs=0
_shtab_longshore_mirror_schedule__q_nargs=0
_shtab_longshore_mirror_schedule___yes_nargs=0
_shtab_longshore_mirror_schedule___list_nargs=0
_shtab_longshore_mirror_schedule___delete_extras_nargs=0
_shtab_longshore_mirror_export_pos_0_nargs='*'
_shtab_longshore_mirror_export__h_nargs=0
_shtab_longshore_mirror_export___help_nargs=0
_shtab_longshore_mirror_export___json_nargs=0
_shtab_longshore_mirror_export___quiet_nargs=0
_shtab_longshore_mirror_export__q_nargs=0
_shtab_longshore_mirror_import__h_nargs=0
_shtab_longshore_mirror_import___help_nargs=0
_shtab_longshore_mirror_import___json_nargs=0
_shtab_longshore_mirror_import___quiet_nargs=0
_shtab_longshore_mirror_import__q_nargs=0
_shtab_longshore_mirror_import___dry_run_nargs=0
_shtab_longshore_mirror_import___replace_nargs=0
_shtab_longshore_mirror_pos_0_nargs=A...
_shtab_longshore_mirror__h_nargs=0
_shtab_longshore_mirror___help_nargs=0
_shtab_longshore_mirror___json_nargs=0
_shtab_longshore_mirror___quiet_nargs=0
_shtab_longshore_mirror__q_nargs=0
_shtab_longshore_run_pos_1_nargs=...
_shtab_longshore_run__h_nargs=0
_shtab_longshore_run___help_nargs=0
_shtab_longshore_run___json_nargs=0
_shtab_longshore_run___quiet_nargs=0
_shtab_longshore_run__q_nargs=0
_shtab_longshore_run___detach_nargs=0
_shtab_longshore_run__d_nargs=0
_shtab_longshore_run___rm_nargs=0
_shtab_longshore_run___publish_all_nargs=0
_shtab_longshore_run__P_nargs=0
_shtab_longshore_run___pull_nargs=0
_shtab_longshore_images_pos_0_nargs='*'
_shtab_longshore_images__h_nargs=0
_shtab_longshore_images___help_nargs=0
_shtab_longshore_images___json_nargs=0
_shtab_longshore_images___quiet_nargs=0
_shtab_longshore_images__q_nargs=0
_shtab_longshore_images___digests_nargs=0
_shtab_longshore_repositories__h_nargs=0
_shtab_longshore_repositories___help_nargs=0
_shtab_longshore_repositories___json_nargs=0
_shtab_longshore_repositories___quiet_nargs=0
_shtab_longshore_repositories__q_nargs=0
_shtab_longshore_tags__h_nargs=0
_shtab_longshore_tags___help_nargs=0
_shtab_longshore_tags___json_nargs=0
_shtab_longshore_tags___quiet_nargs=0
_shtab_longshore_tags__q_nargs=0
_shtab_longshore_tags___details_nargs=0
_shtab_longshore_tags___history_nargs=0
_shtab_longshore_tags___all_nargs=0
_shtab_longshore_search__h_nargs=0
_shtab_longshore_search___help_nargs=0
_shtab_longshore_search___json_nargs=0
_shtab_longshore_search___quiet_nargs=0
_shtab_longshore_search__q_nargs=0
_shtab_longshore_inspect__h_nargs=0
_shtab_longshore_inspect___help_nargs=0
_shtab_longshore_inspect___json_nargs=0
_shtab_longshore_inspect___quiet_nargs=0
_shtab_longshore_inspect__q_nargs=0
_shtab_longshore_inspect___raw_nargs=0
_shtab_longshore_inspect___config_nargs=0
_shtab_longshore_inspect___files_nargs=0
_shtab_longshore_inspect___save_file_nargs=2
_shtab_longshore_inspect___shared_nargs=0
_shtab_longshore_inspect___who_can_pull_nargs=0
_shtab_longshore_inspect___attached_nargs=0
_shtab_longshore_inspect___packages_nargs=0
_shtab_longshore_inspect___findings_nargs=0
_shtab_longshore_inspect___scan_nargs=0
_shtab_longshore_inspect___show_secrets_nargs=0
_shtab_longshore_verify_pos_0_nargs=+
_shtab_longshore_verify__h_nargs=0
_shtab_longshore_verify___help_nargs=0
_shtab_longshore_verify___json_nargs=0
_shtab_longshore_verify___quiet_nargs=0
_shtab_longshore_verify__q_nargs=0
_shtab_longshore_keys_list__h_nargs=0
_shtab_longshore_keys_list___help_nargs=0
_shtab_longshore_keys_list___json_nargs=0
_shtab_longshore_keys_list___quiet_nargs=0
_shtab_longshore_keys_list__q_nargs=0
_shtab_longshore_keys_add__h_nargs=0
_shtab_longshore_keys_add___help_nargs=0
_shtab_longshore_keys_add___json_nargs=0
_shtab_longshore_keys_add___quiet_nargs=0
_shtab_longshore_keys_add__q_nargs=0
_shtab_longshore_keys_remove__h_nargs=0
_shtab_longshore_keys_remove___help_nargs=0
_shtab_longshore_keys_remove___json_nargs=0
_shtab_longshore_keys_remove___quiet_nargs=0
_shtab_longshore_keys_remove__q_nargs=0
_shtab_longshore_keys_only_signed__h_nargs=0
_shtab_longshore_keys_only_signed___help_nargs=0
_shtab_longshore_keys_only_signed___json_nargs=0
_shtab_longshore_keys_only_signed___quiet_nargs=0
_shtab_longshore_keys_only_signed__q_nargs=0
_shtab_longshore_keys_only_signed___off_nargs=0
_shtab_longshore_keys_pos_0_nargs=A...
_shtab_longshore_keys__h_nargs=0
_shtab_longshore_keys___help_nargs=0
_shtab_longshore_keys___json_nargs=0
_shtab_longshore_keys___quiet_nargs=0
_shtab_longshore_keys__q_nargs=0
_shtab_longshore_tag_pos_1_nargs=+
_shtab_longshore_tag__h_nargs=0
_shtab_longshore_tag___help_nargs=0
_shtab_longshore_tag___json_nargs=0
_shtab_longshore_tag___quiet_nargs=0
_shtab_longshore_tag__q_nargs=0
_shtab_longshore_remove_pos_0_nargs=+
_shtab_longshore_remove__h_nargs=0
_shtab_longshore_remove___help_nargs=0
_shtab_longshore_remove___json_nargs=0
_shtab_longshore_remove___quiet_nargs=0
_shtab_longshore_remove__q_nargs=0
_shtab_longshore_remove___yes_nargs=0
_shtab_longshore_remove__y_nargs=0
_shtab_longshore_remove___force_nargs=0
_shtab_longshore_remove___dry_run_nargs=0
_shtab_longshore_prune_pos_0_nargs='*'
_shtab_longshore_prune__h_nargs=0
_shtab_longshore_prune___help_nargs=0
_shtab_longshore_prune___json_nargs=0
_shtab_longshore_prune___quiet_nargs=0
_shtab_longshore_prune__q_nargs=0
_shtab_longshore_prune___dangling_nargs=0
_shtab_longshore_prune___unused_nargs=0
_shtab_longshore_prune___yes_nargs=0
_shtab_longshore_prune__y_nargs=0
_shtab_longshore_prune___dry_run_nargs=0
_shtab_longshore_login__h_nargs=0
_shtab_longshore_login___help_nargs=0
_shtab_longshore_login___json_nargs=0
_shtab_longshore_login___quiet_nargs=0
_shtab_longshore_login__q_nargs=0
_shtab_longshore_login___password_stdin_nargs=0
_shtab_longshore_logout__h_nargs=0
_shtab_longshore_logout___help_nargs=0
_shtab_longshore_logout___json_nargs=0
_shtab_longshore_logout___quiet_nargs=0
_shtab_longshore_logout__q_nargs=0
_shtab_longshore_whoami_pos_0_nargs='*'
_shtab_longshore_whoami__h_nargs=0
_shtab_longshore_whoami___help_nargs=0
_shtab_longshore_whoami___json_nargs=0
_shtab_longshore_whoami___quiet_nargs=0
_shtab_longshore_whoami__q_nargs=0
_shtab_longshore_whoami___check_nargs=0
_shtab_longshore_history__h_nargs=0
_shtab_longshore_history___help_nargs=0
_shtab_longshore_history___json_nargs=0
_shtab_longshore_history___quiet_nargs=0
_shtab_longshore_history__q_nargs=0
_shtab_longshore_history___failed_nargs=0
_shtab_longshore_queue_list__h_nargs=0
_shtab_longshore_queue_list___help_nargs=0
_shtab_longshore_queue_list___json_nargs=0
_shtab_longshore_queue_list___quiet_nargs=0
_shtab_longshore_queue_list__q_nargs=0
_shtab_longshore_queue_resume_pos_0_nargs='*'
_shtab_longshore_queue_resume__h_nargs=0
_shtab_longshore_queue_resume___help_nargs=0
_shtab_longshore_queue_resume___json_nargs=0
_shtab_longshore_queue_resume___quiet_nargs=0
_shtab_longshore_queue_resume__q_nargs=0
_shtab_longshore_queue_resume___all_nargs=0
_shtab_longshore_queue_remove_pos_0_nargs=+
_shtab_longshore_queue_remove__h_nargs=0
_shtab_longshore_queue_remove___help_nargs=0
_shtab_longshore_queue_remove___json_nargs=0
_shtab_longshore_queue_remove___quiet_nargs=0
_shtab_longshore_queue_remove__q_nargs=0
_shtab_longshore_queue_clear__h_nargs=0
_shtab_longshore_queue_clear___help_nargs=0
_shtab_longshore_queue_clear___json_nargs=0
_shtab_longshore_queue_clear___quiet_nargs=0
_shtab_longshore_queue_clear__q_nargs=0
_shtab_longshore_queue_pos_0_nargs=A...
_shtab_longshore_queue__h_nargs=0
_shtab_longshore_queue___help_nargs=0
_shtab_longshore_queue___json_nargs=0
_shtab_longshore_queue___quiet_nargs=0
_shtab_longshore_queue__q_nargs=0
_shtab_longshore_undo__h_nargs=0
_shtab_longshore_undo___help_nargs=0
_shtab_longshore_undo___json_nargs=0
_shtab_longshore_undo___quiet_nargs=0
_shtab_longshore_undo__q_nargs=0
_shtab_longshore_undo___list_nargs=0
_shtab_longshore_undo___yes_nargs=0
_shtab_longshore_undo__y_nargs=0
_shtab_longshore_undo___force_nargs=0
_shtab_longshore_undo___dry_run_nargs=0
_shtab_longshore_doctor__h_nargs=0
_shtab_longshore_doctor___help_nargs=0
_shtab_longshore_doctor___json_nargs=0
_shtab_longshore_doctor___quiet_nargs=0
_shtab_longshore_doctor__q_nargs=0
_shtab_longshore_lock_pos_0_nargs=+
_shtab_longshore_lock__h_nargs=0
_shtab_longshore_lock___help_nargs=0
_shtab_longshore_lock___json_nargs=0
_shtab_longshore_lock___quiet_nargs=0
_shtab_longshore_lock__q_nargs=0
_shtab_longshore_lock___check_nargs=0
_shtab_longshore_lock___update_nargs=0
_shtab_longshore_outdated_pos_0_nargs='*'
_shtab_longshore_outdated__h_nargs=0
_shtab_longshore_outdated___help_nargs=0
_shtab_longshore_outdated___json_nargs=0
_shtab_longshore_outdated___quiet_nargs=0
_shtab_longshore_outdated__q_nargs=0
_shtab_longshore_outdated___tags_only_nargs=0
_shtab_longshore_outdated___major_nargs=0
_shtab_longshore_update_pos_0_nargs='*'
_shtab_longshore_update__h_nargs=0
_shtab_longshore_update___help_nargs=0
_shtab_longshore_update___json_nargs=0
_shtab_longshore_update___quiet_nargs=0
_shtab_longshore_update__q_nargs=0
_shtab_longshore_update___all_nargs=0
_shtab_longshore_update___major_nargs=0
_shtab_longshore_update___newer_version_nargs=0
_shtab_longshore_update___dry_run_nargs=0
_shtab_longshore_update___yes_nargs=0
_shtab_longshore_update__y_nargs=0
_shtab_longshore_update___wake_nargs=0
_shtab_longshore_completion__h_nargs=0
_shtab_longshore_completion___help_nargs=0
_shtab_longshore_completion___json_nargs=0
_shtab_longshore_completion___quiet_nargs=0
_shtab_longshore_completion__q_nargs=0
_shtab_longshore_pos_0_nargs=A...
_shtab_longshore__h_nargs=0
_shtab_longshore___help_nargs=0
_shtab_longshore___version_nargs=0
_shtab_longshore___debug_nargs=0


# $1=COMP_WORDS[1]
_shtab_compgen_files() {
  compgen -f -- $1  # files
}

# $1=COMP_WORDS[1]
_shtab_compgen_dirs() {
  compgen -d -- $1  # recurse into subdirs
}

# $1=COMP_WORDS[1]
_shtab_replace_nonword() {
  echo "${1//[^[:word:]]/_}"
}

# set default values (called for the initial parser & any subparsers)
_set_parser_defaults() {
  local subparsers_var="${prefix}_subparsers[@]"
  sub_parsers=${!subparsers_var-}

  local current_option_strings_var="${prefix}_option_strings[@]"
  current_option_strings=${!current_option_strings_var}

  completed_positional_actions=0

  _set_new_action "pos_$completed_positional_actions" true
}

# $1=action identifier
# $2=positional action (bool)
# set all identifiers for an action's parameters
_set_new_action() {
  current_action="${prefix}_$(_shtab_replace_nonword $1)"

  local current_action_compgen_var=${current_action}_COMPGEN
  current_action_compgen="${!current_action_compgen_var-}"

  local current_action_choices_var="${current_action}_choices[@]"
  current_action_choices="${!current_action_choices_var-}"

  local current_action_nargs_var="${current_action}_nargs"
  if [ -n "${!current_action_nargs_var-}" ]; then
    current_action_nargs="${!current_action_nargs_var}"
  else
    current_action_nargs=1
  fi

  current_action_args_start_index=$(( $word_index + 1 - $pos_only ))

  current_action_is_positional=$2
}

# Notes:
# `COMPREPLY`: what will be rendered after completion is triggered
# `completing_word`: currently typed word to generate completions for
# `${!var}`: evaluates the content of `var` and expand its content as a variable
#     hello="world"
#     x="hello"
#     ${!x} -> ${hello} -> "world"
_shtab_longshore() {
  local completing_word="${COMP_WORDS[COMP_CWORD]}"
  local previous_word="${COMP_WORDS[COMP_CWORD-1]}"
  local completed_positional_actions
  local current_action
  local current_action_args_start_index
  local current_action_choices
  local current_action_compgen
  local current_action_is_positional
  local current_action_nargs
  local current_option_strings
  local sub_parsers
  COMPREPLY=()

  local prefix=_shtab_longshore
  local word_index=0
  local pos_only=0 # "--" delimiter not encountered yet
  _set_parser_defaults
  word_index=1

  # determine what arguments are appropriate for the current state
  # of the arg parser
  while [ $word_index -ne $COMP_CWORD ]; do
    local this_word="${COMP_WORDS[$word_index]}"

    if [[ $pos_only = 1 || " $this_word " != " -- " ]]; then
      if [[ -n $sub_parsers && " ${sub_parsers[@]} " == *" $this_word "* ]]; then
        # valid subcommand: add it to the prefix & reset the current action
        prefix="${prefix}_$(_shtab_replace_nonword $this_word)"
        _set_parser_defaults
      fi

      if [[ " ${current_option_strings[@]} " == *" $this_word "* ]]; then
        # a new action should be acquired (due to recognised option string or
        # no more input expected from current action);
        # the next positional action can fill in here
        _set_new_action $this_word false
      fi

      if [[ "$current_action_nargs" != "*" ]] && \
         [[ "$current_action_nargs" != "+" ]] && \
         [[ "$current_action_nargs" != "?" ]] && \
         [[ "$current_action_nargs" != *"..." ]] && \
         (( $word_index + 1 - $current_action_args_start_index - $pos_only >= \
            $current_action_nargs )); then
        $current_action_is_positional && let "completed_positional_actions += 1"
        _set_new_action "pos_$completed_positional_actions" true
      fi
    else
      pos_only=1 # "--" delimiter encountered
    fi

    let "word_index+=1"
  done

  # Generate the completions

  COMPREPLY=()
  if [[ $pos_only = 0 && "$completing_word" == -* &&
        ( -z "$current_action_compgen" || "$current_action_is_positional" = true ) ]]; then
    # optional argument started: use option strings
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
      compgen -W "${current_option_strings[*]}" -- "$completing_word")
  elif [[ "$previous_word" =~ ^[0-9\&]*[\<\>]\>?$ ]]; then
    # handle redirection operators
    compopt -o filenames 2>/dev/null || : # bash>=4
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$completing_word")
  else
    # use choices & compgen
    local action_compgen_word="$completing_word"
    # handle tab-completing in the middle of a line (#248 <- #116)
    [[ -n "$current_action_compgen" && "$completing_word" == -* ]] && action_compgen_word=""
    [ -n "$current_action_compgen" ] && {
      [[ "$current_action_compgen" =~ _(file|dir|glob|FILE|DIR|GLOB)|File|Dir|Glob ]] &&
        compopt -o filenames 2>/dev/null || : # bash>=4
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
        "$current_action_compgen" "$action_compgen_word")
    }
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
      compgen -W "${current_action_choices[*]}" -- "$completing_word")
  fi

  if [[ ${#COMPREPLY[@]} = 0 ]]; then
    # native fallback matches are not necessarily filenames (e.g. variables)
    compopt +o filenames 2>/dev/null || : # bash>=4
  fi

  return 0
}

complete -o bashdefault -F _shtab_longshore longshore
