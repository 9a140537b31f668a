// The stable names of enumerators in JSON events and replies (docs/control.md). Renaming one breaks people's scripts.
#pragma once

#include <string>

#include "sealcall/ipc/schema.h"

namespace sealcall::ui {

const char* name_of(ipc::CallState v);
const char* name_of(ipc::EndReason v);
const char* name_of(ipc::Protection v);
const char* name_of(ipc::Phase v);
const char* name_of(ipc::KeyEvent v);
const char* name_of(ipc::RecheckOutcome v);
const char* name_of(ipc::OnFall v);
const char* name_of(ipc::NoticeKind v);
const char* name_of(ipc::BundleState v);
const char* name_of(ipc::Registration v);
const char* name_of(ipc::ProcessRole v);
const char* name_of(policy::Action v);
const char* name_of(policy::OnWorse v);
const char* name_of(policy::Direction v);
const char* name_of(policy::Rule v);
const char* name_of(rats::Reason v);

/// "X", "0" .. "4".
std::string digit_of(rats::Level v);

}  // namespace sealcall::ui
