sealcall_fuzz(ipc_messages_fuzz SOURCES tests/fuzz/ipc_messages_fuzz.cpp LIBS sealcall::include)
sealcall_fuzz(wire_frames_fuzz SOURCES tests/fuzz/wire_frames_fuzz.cpp LIBS sealcall::include)
