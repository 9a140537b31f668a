sealcall_fuzz(config_fuzz SOURCES tests/fuzz/config_fuzz.cpp LIBS sealcall_config)
sealcall_fuzz(audit_log_fuzz SOURCES tests/fuzz/audit_log_fuzz.cpp LIBS sealcall_cli)
sealcall_fuzz(enrolment_request_fuzz SOURCES tests/fuzz/enrolment_request_fuzz.cpp LIBS sealcall_authority)
