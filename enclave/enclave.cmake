add_library(sealcall_enclave_core STATIC
  admission.cpp attester.cpp authority_bundle.cpp peers.cpp vault_keeper.cpp log_fetch.cpp notary.cpp platform_logs.cpp verifier_pool.cpp sip_digest.cpp passport.cpp media_session.cpp
  session.cpp session_attest.cpp session_logs.cpp session_passport.cpp session_person.cpp session_policy.cpp session_recheck.cpp recheck.cpp calls.cpp
  monitor.cpp enclave.cpp enclave_bundle.cpp)
target_include_directories(sealcall_enclave_core PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(sealcall_enclave_core PUBLIC sealcall::trusted sealcall::policy sealcall::attestation_core sealcall::tpm
  sealcall::tls sealcall::dtls sealcall::srtp sealcall::audit sealcall::vault)
add_library(sealcall::enclave_core ALIAS sealcall_enclave_core)

add_executable(sealcall-enclave main.cpp provision.cpp)
target_link_libraries(sealcall-enclave PRIVATE sealcall::enclave_core sealcall::sandbox sealcall::secret_heap)
install(TARGETS sealcall-enclave RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/sealcall)
