/* Every function of the ABI, by what it takes and answers; see every_call.c. */
#ifndef CALLS_H
#define CALLS_H

#define TEXT trunk_text("text")
#define RO live->request_options
#define O(type) ((type *)(void *)&o->pointer)

/* Settings that a manager and a request have alike: `kind` is `manager` or `request`. */
#define POLICY_CALLS(X, kind)                                                                                        \
    X(trunk_##kind##_options_set_follow_redirects, kind##_options, (h, true))                                        \
    X(trunk_##kind##_options_set_max_redirects, kind##_options, (h, 1))                                              \
    X(trunk_##kind##_options_set_redirect_trusted, kind##_options, (h, true))                                        \
    X(trunk_##kind##_options_set_redirect_downgrade, kind##_options, (h, true))                                      \
    X(trunk_##kind##_options_set_retry, kind##_options, (h, TRUNK_RETRY_OFF))                                        \
    X(trunk_##kind##_options_set_max_retries, kind##_options, (h, 1))                                                \
    X(trunk_##kind##_options_set_retry_callback, kind##_options, (h, never_retry, NULL, never_destroy))              \
    X(trunk_##kind##_options_set_retry_delay, kind##_options, (h, never_delay, NULL, never_destroy))                 \
    X(trunk_##kind##_options_set_status_errors, kind##_options, (h, true))                                           \
    X(trunk_##kind##_options_set_decode, kind##_options, (h, true))                                                  \
    X(trunk_##kind##_options_set_max_decoded_bytes, kind##_options, (h, 1))                                          \
    X(trunk_##kind##_options_set_max_decode_ratio, kind##_options, (h, 1))                                           \
    X(trunk_##kind##_options_set_cookies, kind##_options, (h, true))                                                 \
    X(trunk_##kind##_options_set_expect_continue, kind##_options, (h, 1))                                            \
    X(trunk_##kind##_options_set_websocket_deflate, kind##_options, (h, true))                                       \
    X(trunk_##kind##_options_set_websocket_deflate_effort, kind##_options, (h, 6, 128))                              \
    X(trunk_##kind##_options_set_websocket_deflate_windows, kind##_options, (h, 15, 15))                             \
    X(trunk_##kind##_options_set_websocket_deflate_alone, kind##_options, (h, true, true))                           \
    X(trunk_##kind##_options_set_websocket_frames, kind##_options, (h, true))                                        \
    X(trunk_##kind##_options_set_websocket_ping_interval, kind##_options, (h, 1))                                    \
    X(trunk_##kind##_options_set_websocket_ping_timeout, kind##_options, (h, 1))                                     \
    X(trunk_##kind##_options_set_websocket_close_timeout, kind##_options, (h, 1))                                    \
    X(trunk_##kind##_options_set_websocket_reconnect, kind##_options, (h, true))                                     \
    X(trunk_##kind##_options_set_websocket_reconnect_pauses, kind##_options, (h, 1, 1, 1))                           \
    X(trunk_##kind##_options_set_websocket_reconnect_queue, kind##_options, (h, 1))                                  \
    X(trunk_##kind##_options_set_websocket_reconnect_codes, kind##_options, (h, NULL, 0))                            \
    X(trunk_##kind##_options_set_websocket_resume, kind##_options, (h, never_resume, NULL, never_destroy))           \
    X(trunk_##kind##_options_set_auth_none, kind##_options, (h))                                                     \
    X(trunk_##kind##_options_set_auth_basic, kind##_options, (h, TEXT, TEXT))                                        \
    X(trunk_##kind##_options_set_auth_bearer, kind##_options, (h, TEXT))                                             \
    X(trunk_##kind##_options_set_auth_literal, kind##_options, (h, TEXT))                                            \
    X(trunk_##kind##_options_set_auth_digest, kind##_options, (h, TEXT, TEXT))                                       \
    X(trunk_##kind##_options_set_auth_netrc, kind##_options, (h, TEXT))                                              \
    X(trunk_##kind##_options_set_auth_aws_sigv4, kind##_options, (h, TEXT, TEXT, TEXT, TEXT, TEXT))                  \
    X(trunk_##kind##_options_set_aws_sigv4_date, kind##_options, (h, 1))                                             \
    X(trunk_##kind##_options_set_aws_sigv4_payload, kind##_options, (h, TRUNK_AWS_PAYLOAD_SIGNED))                   \
    X(trunk_##kind##_options_set_auth_callback, kind##_options, (h, never_auth, NULL, never_destroy))

/* Each function, the kind of handle, and the call with handle `h` and out-parameters `o`. */
#define STATUS_CALLS(X)                                                                                              \
    POLICY_CALLS(X, manager)                                                                                         \
    POLICY_CALLS(X, request)                                                                                         \
    X(trunk_manager_options_set_drive_threads, manager_options, (h, 1))                                              \
    X(trunk_manager_options_set_drive_inline, manager_options, (h))                                                  \
    X(trunk_manager_options_set_http, manager_options, (h, TRUNK_HTTP_AUTO))                                         \
    X(trunk_manager_options_set_pool_timeout, manager_options, (h, 1))                                               \
    X(trunk_manager_options_set_resolve_timeout, manager_options, (h, 1))                                            \
    X(trunk_manager_options_set_connect_timeout, manager_options, (h, 1))                                            \
    X(trunk_manager_options_set_tls_timeout, manager_options, (h, 1))                                                \
    X(trunk_manager_options_set_write_timeout, manager_options, (h, 1))                                              \
    X(trunk_manager_options_set_first_byte_timeout, manager_options, (h, 1))                                         \
    X(trunk_manager_options_set_idle_timeout, manager_options, (h, 1))                                               \
    X(trunk_manager_options_set_total_timeout, manager_options, (h, 1))                                              \
    X(trunk_manager_options_add_resolve, manager_options, (h, TEXT, 1, trunk_text("127.0.0.1")))                     \
    X(trunk_manager_options_set_unix_socket, manager_options, (h, TEXT))                                             \
    X(trunk_manager_options_set_user_agent, manager_options, (h, TEXT))                                              \
    X(trunk_manager_options_set_http2_ping_interval, manager_options, (h, 1))                                        \
    X(trunk_manager_options_set_idle_connection_timeout, manager_options, (h, 1))                                    \
    X(trunk_manager_options_set_max_connections_per_origin, manager_options, (h, 1))                                 \
    X(trunk_manager_options_set_max_connections, manager_options, (h, 1))                                            \
    X(trunk_manager_options_set_credit, manager_options, (h, 1))                                                     \
    X(trunk_manager_options_set_upload_buffer, manager_options, (h, 1))                                              \
    X(trunk_manager_options_set_max_header_bytes, manager_options, (h, 1))                                           \
    X(trunk_manager_options_set_max_headers, manager_options, (h, 1))                                                \
    X(trunk_manager_options_set_max_body_bytes, manager_options, (h, 1))                                             \
    X(trunk_manager_options_set_http2_max_concurrent_streams, manager_options, (h, 1))                               \
    X(trunk_manager_options_set_http2_stream_window, manager_options, (h, 1))                                        \
    X(trunk_manager_options_set_websocket_max_frame_bytes, manager_options, (h, 1))                                  \
    X(trunk_manager_options_set_websocket_max_message_bytes, manager_options, (h, 1))                                \
    X(trunk_manager_options_set_websocket_send_buffer, manager_options, (h, 1))                                      \
    X(trunk_manager_options_set_websocket_http, manager_options, (h, TRUNK_HTTP_1))                                  \
    X(trunk_manager_options_set_tls_ca, manager_options, (h, TEXT))                                                  \
    X(trunk_manager_options_set_tls_ca_file, manager_options, (h, trunk_text("/dev/null")))                          \
    X(trunk_manager_options_set_tls_verify, manager_options, (h, false))                                             \
    X(trunk_manager_options_set_tls_identity, manager_options, (h, TEXT, TEXT))                                      \
    X(trunk_manager_options_set_tls_hostname, manager_options, (h, TEXT))                                            \
    X(trunk_manager_options_set_tls_key_log, manager_options, (h, TEXT))                                             \
    X(trunk_manager_options_set_http2_connection_window, manager_options, (h, 1))                                    \
    X(trunk_manager_options_set_http2_max_frame_size, manager_options, (h, 16384))                                   \
    X(trunk_manager_options_set_http2_header_table_size, manager_options, (h, 1))                                    \
    X(trunk_manager_options_set_http2_connections_per_origin, manager_options, (h, 1))                               \
    X(trunk_manager_options_set_http2_ping_unused, manager_options, (h, true))                                       \
    X(trunk_manager_options_set_http2_adaptive_window, manager_options, (h, true))                                   \
    X(trunk_manager_options_set_http2_coalescing, manager_options, (h, true))                                        \
    X(trunk_manager_options_set_proxy_auth, manager_options, (h, TRUNK_PROXY_AUTH_DIGEST))                           \
    X(trunk_manager_options_set_tls_sni, manager_options, (h, TEXT))                                                 \
    X(trunk_manager_options_set_tls_versions, manager_options, (h, TRUNK_TLS_1_2, TRUNK_TLS_1_3))                    \
    X(trunk_manager_options_set_tls_pins, manager_options, (h, TEXT))                                                \
    X(trunk_manager_options_set_tls_resumption, manager_options, (h, true))                                          \
    X(trunk_manager_options_set_proxy, manager_options, (h, TEXT, TEXT, TEXT))                                       \
    X(trunk_manager_options_set_proxy_environment, manager_options, (h))                                             \
    X(trunk_manager_options_set_proxy_tls_ca, manager_options, (h, TEXT))                                            \
    X(trunk_manager_options_set_proxy_tls_verify, manager_options, (h, true))                                        \
    X(trunk_manager_options_set_local_address, manager_options, (h, trunk_text("::1")))                              \
    X(trunk_manager_options_set_interface, manager_options, (h, TEXT))                                               \
    X(trunk_manager_options_set_nodelay, manager_options, (h, true))                                                 \
    X(trunk_manager_options_set_tcp_keep_alive, manager_options, (h, 1, 1, 1))                                       \
    X(trunk_manager_options_add_proxy_header, manager_options, (h, TEXT, TEXT))                                      \
    X(trunk_request_options_set_proxy, request_options, (h, TEXT))                                                   \
    X(trunk_manager_close, manager, (h))                                                                             \
    X(trunk_manager_shutdown, manager, (h, 0, &o->flag))                                                             \
    X(trunk_manager_descriptor, manager, (h, &o->descriptor))                                                        \
    X(trunk_manager_poll, manager, (h, o->parts, 4, 0, &o->size))                                                    \
    X(trunk_manager_statistics, manager, (h, O(trunk_statistics *)))                                                 \
    X(trunk_manager_submit_recv, manager, (h, RO, O(trunk_request *)))                                               \
    X(trunk_manager_submit_queue, manager, (h, RO, NULL, O(trunk_request *)))                                        \
    X(trunk_manager_submit_callback, manager, (h, RO, never_part, NULL, never_destroy, O(trunk_request *)))          \
    X(trunk_request_options_add_header, request_options, (h, TEXT, TEXT))                                            \
    X(trunk_request_options_omit_header, request_options, (h, TEXT))                                                 \
    X(trunk_request_options_set_body, request_options, (h, TEXT))                                                    \
    X(trunk_request_options_set_streamed_body, request_options, (h, -1))                                             \
    X(trunk_request_options_set_upgrade, request_options, (h, TEXT))                                                 \
    X(trunk_request_options_set_http, request_options, (h, TRUNK_HTTP_AUTO))                                         \
    X(trunk_request_options_set_pool_timeout, request_options, (h, 1))                                               \
    X(trunk_request_options_set_resolve_timeout, request_options, (h, 1))                                            \
    X(trunk_request_options_set_connect_timeout, request_options, (h, 1))                                            \
    X(trunk_request_options_set_tls_timeout, request_options, (h, 1))                                                \
    X(trunk_request_options_set_write_timeout, request_options, (h, 1))                                              \
    X(trunk_request_options_set_first_byte_timeout, request_options, (h, 1))                                         \
    X(trunk_request_options_set_idle_timeout, request_options, (h, 1))                                               \
    X(trunk_request_options_set_total_timeout, request_options, (h, 1))                                              \
    X(trunk_request_options_set_credit, request_options, (h, 1))                                                     \
    X(trunk_request_options_set_replay, request_options, (h, true))                                                  \
    X(trunk_request_options_set_manual_release, request_options, (h, true))                                          \
    X(trunk_request_options_set_websocket_protocols, request_options, (h, NULL, 0))                                  \
    X(trunk_request_options_set_websocket_max_message_bytes, request_options, (h, 1))                                \
    X(trunk_request_recv, request, (h, 0, &o->part))                                                                 \
    X(trunk_request_cancel, request, (h))                                                                            \
    X(trunk_request_release, request, (h, 1))                                                                        \
    X(trunk_request_write, request, (h, TEXT))                                                                       \
    X(trunk_request_finish, request, (h, NULL, 0))                                                                   \
    X(trunk_request_fail, request, (h, TEXT))                                                                        \
    X(trunk_request_id, request, (h, &o->number))                                                                    \
    X(trunk_request_user_data, request, (h, &o->pointer))                                                            \
    X(trunk_request_has_ended, request, (h, &o->flag))                                                               \
    X(trunk_websocket_send, request, (h, TRUNK_FRAME_TEXT, TEXT))                                                    \
    X(trunk_websocket_send_many, request, (h, NULL, 0, &o->size))                                                    \
    X(trunk_websocket_recv_many, request, (h, 0, &o->message, 1, &o->size))                                          \
    X(trunk_websocket_parse, request, (h, NULL, &o->mail, &o->message))                                              \
    X(trunk_websocket_ping, request, (h, &o->number))                                                                \
    X(trunk_websocket_latency, request, (h, &o->number))                                                             \
    X(trunk_websocket_close, request, (h, 1000, TEXT))                                                               \
    X(trunk_part_check, part, (h))                                                                                   \
    X(trunk_part_header_at, part, (h, 0, &o->header))                                                                \
    X(trunk_statistics_get, statistics, (h, TRUNK_STATISTIC_REPLAYS, &o->number))                                    \
    X(trunk_statistics_errors, statistics, (h, TRUNK_ERROR_CANCELLED, &o->number))                                   \
    X(trunk_statistics_openmetrics, statistics, (h, &o->view))                                                       \
    X(trunk_manager_options_set_cookie_jar, manager_options, (h, NULL))                                              \
    X(trunk_manager_options_set_resolver, manager_options, (h, never_resolve, NULL, never_destroy))                  \
    X(trunk_resolve_finish, resolve, (h, NULL, 0))                                                                   \
    X(trunk_resolve_fail, resolve, (h, TEXT))                                                                        \
    X(trunk_manager_options_set_base_url, manager_options, (h, TEXT))                                                \
    X(trunk_request_options_add_param, request_options, (h, TEXT, TEXT))                                             \
    X(trunk_request_options_add_path_param, request_options, (h, TEXT, TEXT))                                        \
    X(trunk_request_options_set_path_style, request_options, (h, TRUNK_PATH_COLON))                                  \
    X(trunk_text_decoder_decode, text_decoder, (h, TEXT, &o->view))                                                  \
    X(trunk_text_decoder_finish, text_decoder, (h, &o->view))                                                        \
    X(trunk_text_decoder_encoding, text_decoder, (h, &o->view))                                                      \
    X(trunk_manager_options_set_har, manager_options, (h, NULL))                                                     \
    X(trunk_har_set_recording, har, (h, true))                                                                       \
    X(trunk_har_json, har, (h, &o->view))                                                                            \
    X(trunk_har_save, har, (h, trunk_text("/dev/null/none")))                                                        \
    X(trunk_har_clear, har, (h))                                                                                     \
    X(trunk_cookie_jar_load, cookie_jar, (h, trunk_text("/dev/null"), &o->size))                                     \
    X(trunk_cookie_jar_save, cookie_jar, (h, trunk_text("/dev/null/none")))                                          \
    X(trunk_cookie_jar_set, cookie_jar, (h, trunk_text("http://a/"), trunk_text("a=b")))                             \
    X(trunk_cookie_jar_clear, cookie_jar, (h))                                                                       \
    X(trunk_cookie_jar_count, cookie_jar, (h, &o->size))                                                             \
    X(trunk_url_set_path_style, url, (h, TRUNK_PATH_COLON))                                                          \
    X(trunk_url_add_path_param, url, (h, TEXT, TEXT))                                                                \
    X(trunk_url_add_param, url, (h, TEXT, TEXT))                                                                     \
    X(trunk_url_build, url, (h, &o->view))                                                                           \
    X(trunk_request_options_set_body_file, request_options, (h, trunk_text("/proc/self/exe"), 0, -1))                \
    X(trunk_request_options_set_body_form, request_options, (h, NULL, 0))                                            \
    X(trunk_request_options_set_body_json, request_options, (h, TEXT))                                               \
    X(trunk_request_options_set_body_multipart, request_options, (h, live->multipart))                               \
    X(trunk_multipart_add_text, multipart, (h, TEXT, TEXT))                                                          \
    X(trunk_multipart_add_bytes, multipart, (h, TEXT, TEXT, TEXT, TEXT))                                             \
    X(trunk_multipart_add_file, multipart, (h, TEXT, trunk_text("/proc/self/exe"), TEXT, TEXT))                      \
    X(trunk_lines_push, lines, (h, TEXT))                                                                            \
    X(trunk_lines_finish, lines, (h))                                                                                \
    X(trunk_lines_next, lines, (h, &o->view))                                                                        \
    X(trunk_sse_push, sse, (h, TEXT))                                                                                \
    X(trunk_sse_finish, sse, (h))                                                                                    \
    X(trunk_sse_next, sse, (h, &o->event))                                                                           \
    X(trunk_engine_next_read_operation, engine, (h, &o->descriptor))                                                 \
    X(trunk_engine_read, engine, (h, TEXT, &o->size))                                                                \
    X(trunk_engine_read_eof, engine, (h))                                                                            \
    X(trunk_engine_next_write_operation, engine, (h, &o->operation))                                                 \
    X(trunk_engine_report_write_result, engine, (h, 0))                                                              \
    X(trunk_engine_yield_reader, engine, (h, never_destroy, NULL, never_destroy))                                    \
    X(trunk_engine_yield_writer, engine, (h, never_destroy, NULL, never_destroy))                                    \
    X(trunk_engine_report_exn, engine, (h, TEXT))                                                                    \
    X(trunk_engine_is_closed, engine, (h, &o->flag))                                                                 \
    X(trunk_engine_request, engine, (h, &request_head, &told_handlers, NULL, O(trunk_upload *)))                     \
    X(trunk_engine_request_without_body, engine, (h, &request_head, &told_handlers, NULL, O(trunk_upload *)))        \
    X(trunk_http2_ping, engine, (h, trunk_text(NULL), never_destroy, NULL, never_destroy))                           \
    X(trunk_http2_shutdown, engine, (h))                                                                             \
    X(trunk_http2_upgraded_request, engine, (h, O(trunk_upload *)))                                                  \
    X(trunk_upload_write, upload, (h, TEXT))                                                                         \
    X(trunk_upload_reserve, upload, (h, 1, O(uint8_t *)))                                                            \
    X(trunk_upload_commit, upload, (h, 0))                                                                           \
    X(trunk_upload_room, upload, (h, &o->size))                                                                      \
    X(trunk_upload_on_room, upload, (h, never_destroy, NULL, never_destroy))                                         \
    X(trunk_upload_flush, upload, (h, never_flushed, NULL, never_destroy))                                           \
    X(trunk_upload_close, upload, (h, NULL, 0))                                                                      \
    X(trunk_upload_cancel, upload, (h, 1))                                                                           \
    X(trunk_answer_read, answer, (h))                                                                                \
    X(trunk_answer_resume, answer, (h))                                                                              \
    X(trunk_answer_cancel, answer, (h, 1))                                                                           \
    X(trunk_http1_shutdown, http1, (h))                                                                              \
    X(trunk_websocket_engine_send, websocket, (h, &message))                                                         \
    X(trunk_websocket_engine_on_room, websocket, (h, never_destroy, NULL, never_destroy))                            \
    X(trunk_websocket_engine_resume, websocket, (h))                                                                 \
    X(trunk_handshake_field, handshake, (h, 0, &o->header))                                                          \
    X(trunk_handshake_check, handshake, (h, 101, NULL, 0))

#define FREE_CALLS(X)                                                                                                \
    X(trunk_manager_options_free, manager_options, (h))                                                              \
    X(trunk_manager_free, manager, (h))                                                                              \
    X(trunk_request_options_free, request_options, (h))                                                              \
    X(trunk_request_free, request, (h))                                                                              \
    X(trunk_statistics_free, statistics, (h))                                                                        \
    X(trunk_cookie_jar_free, cookie_jar, (h))                                                                        \
    X(trunk_url_free, url, (h))                                                                                      \
    X(trunk_multipart_free, multipart, (h))                                                                          \
    X(trunk_lines_free, lines, (h))                                                                                  \
    X(trunk_sse_free, sse, (h))                                                                                      \
    X(trunk_har_free, har, (h))                                                                                      \
    X(trunk_text_decoder_free, text_decoder, (h))                                                                    \
    X(trunk_engine_free, engine, (h))                                                                                \
    X(trunk_upload_free, upload, (h))                                                                                \
    X(trunk_answer_free, answer, (h))                                                                                \
    X(trunk_handshake_free, handshake, (h))

/* Functions that answer a value, and the neutral one. */
#define NO_VIEW(call) (call.data == NULL)
#define VALUE_CALLS(X)                                                                                               \
    X(trunk_part_kind, trunk_part_kind(h) == TRUNK_PART_NONE)                                                        \
    X(trunk_part_is_terminal, !trunk_part_is_terminal(h))                                                            \
    X(trunk_part_request, trunk_part_request(h) == NULL)                                                             \
    X(trunk_part_request_id, trunk_part_request_id(h) == 0)                                                          \
    X(trunk_part_user_data, trunk_part_user_data(h) == NULL)                                                         \
    X(trunk_part_status, trunk_part_status(h) == 0)                                                                  \
    X(trunk_part_version, trunk_part_version(h) == 0)                                                                \
    X(trunk_part_header_count, trunk_part_header_count(h) == 0)                                                      \
    X(trunk_part_header, NO_VIEW(trunk_part_header(h, TEXT)))                                                        \
    X(trunk_part_data, NO_VIEW(trunk_part_data(h)))                                                                  \
    X(trunk_part_frame_kind, trunk_part_frame_kind(h) == TRUNK_FRAME_NONE)                                           \
    X(trunk_part_frame_has_more, !trunk_part_frame_has_more(h))                                                      \
    X(trunk_part_ping, trunk_part_ping(h) == 0)                                                                      \
    X(trunk_part_round_trip, trunk_part_round_trip(h) == 0)                                                          \
    X(trunk_part_close_code, trunk_part_close_code(h) == 0)                                                          \
    X(trunk_part_error, trunk_part_error(h) == TRUNK_OK)                                                             \
    X(trunk_part_error_message, NO_VIEW(trunk_part_error_message(h)))                                                \
    X(trunk_part_error_phase, trunk_part_error_phase(h) == TRUNK_PHASE_NONE)                                         \
    X(trunk_part_error_peer_code, trunk_part_error_peer_code(h) == -1)                                               \
    X(trunk_part_timing, trunk_part_timing(h, TRUNK_TIMING_TOTAL) == 0)                                              \
    X(trunk_part_attempts, trunk_part_attempts(h) == 0)                                                              \
    X(trunk_part_reused, !trunk_part_reused(h))                                                                      \
    X(trunk_part_received, trunk_part_received(h) == 0)                                                              \
    X(trunk_part_sent, trunk_part_sent(h) == 0)                                                                      \
    X(trunk_part_connection_id, trunk_part_connection_id(h) == 0)                                                    \
    X(trunk_part_protocol, trunk_part_protocol(h) == TRUNK_PROTOCOL_NONE)                                            \
    X(trunk_part_tls, NO_VIEW(trunk_part_tls(h)))                                                                    \
    X(trunk_part_remote_address, NO_VIEW(trunk_part_remote_address(h)))                                              \
    X(trunk_part_local_address, NO_VIEW(trunk_part_local_address(h)))                                                \
    X(trunk_part_url, NO_VIEW(trunk_part_url(h)))                                                                    \
    X(trunk_attempt_number, trunk_attempt_number(h) == 0)                                                            \
    X(trunk_attempt_method, NO_VIEW(trunk_attempt_method(h)))                                                        \
    X(trunk_attempt_url, NO_VIEW(trunk_attempt_url(h)))                                                              \
    X(trunk_attempt_status, trunk_attempt_status(h) == 0)                                                            \
    X(trunk_attempt_header, NO_VIEW(trunk_attempt_header(h, TEXT)))                                                  \
    X(trunk_attempt_error, trunk_attempt_error(h) == TRUNK_OK)                                                       \
    X(trunk_attempt_error_message, NO_VIEW(trunk_attempt_error_message(h)))                                          \
    X(trunk_auth_request_method, NO_VIEW(trunk_auth_request_method(h)))                                              \
    X(trunk_auth_request_url, NO_VIEW(trunk_auth_request_url(h)))                                                    \
    X(trunk_auth_request_host, NO_VIEW(trunk_auth_request_host(h)))                                                  \
    X(trunk_auth_request_header, NO_VIEW(trunk_auth_request_header(h, TEXT)))                                        \
    X(trunk_auth_request_body, NO_VIEW(trunk_auth_request_body(h)))                                                  \
    X(trunk_resolve_host, NO_VIEW(trunk_resolve_host(h)))                                                            \
    X(trunk_resolve_port, trunk_resolve_port(h) == 0)                                                                \
    X(trunk_resolve_is_abandoned, !trunk_resolve_is_abandoned(h))

/* Functions that take no handle, so that there is no wrong one. */
static const char *const without_handle[] = {
    "trunk_text",          "trunk_bytes",
    "trunk_abi_version",   "trunk_version",
    "trunk_status_name",   "trunk_status_description",
    "trunk_manager_new",   "trunk_last_error_message",
    "trunk_set_log_callback", "trunk_manager_options_new",
    "trunk_request_options_new", "trunk_request_options_new_connect",
    "trunk_cookie_jar_new",  "trunk_url_new",
    "trunk_multipart_new",   "trunk_lines_new",
    "trunk_sse_new",         "trunk_har_new",
    "trunk_text_decoder_new", "trunk_text_decoder_new_for_content_type",
    "trunk_http2_new",       "trunk_http2_new_after_upgrade",
    "trunk_http2_settings_init", "trunk_http2_upgrade_request",
    "trunk_http1_new",       "trunk_handshake_new",
    "trunk_websocket_engine_new", "trunk_handshake_new_deflate",
};

#endif
