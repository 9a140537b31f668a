sealcall_fuzz(sdp_fuzz SOURCES tests/fuzz/sdp_fuzz.cpp LIBS sealcall_host)
sealcall_fuzz(sdpfrag_fuzz SOURCES tests/fuzz/sdpfrag_fuzz.cpp LIBS sealcall_host)
sealcall_fuzz(demux_fuzz SOURCES tests/fuzz/demux_fuzz.cpp LIBS sealcall_host)
sealcall_fuzz(sip_message_fuzz SOURCES tests/fuzz/sip_message_fuzz.cpp LIBS sealcall_host)
