sealcall_fuzz(policy_document_fuzz SOURCES tests/fuzz/policy_document_fuzz.cpp LIBS sealcall::policy)
sealcall_fuzz(policy_source_fuzz SOURCES tests/fuzz/policy_source_fuzz.cpp LIBS sealcall_policy_language)
