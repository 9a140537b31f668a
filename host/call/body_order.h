// Puts INFO bodies into the order of their sequence numbers again: two of them may travel over different connections,
// and one that got lost comes again behind its successors. Trusts nothing; the enclave checks the order once more.
#pragma once

#include <map>
#include <vector>

#include "sealcall/base/bytes.h"

namespace sealcall::host {

class BodyOrder {
  public:
    static constexpr uint32_t kWindow = 8;  ///< bodies that may wait for the one before them

    /// What is to be handed over now, in order. A body whose number (u32, big endian, first in it) is neither the next
    /// one nor just ahead of it goes through at once: duplicates and nonsense are the enclave's to judge.
    std::vector<Bytes> take(ByteSpan body);
    /// The missing one will not come: all that waits, in order.
    std::vector<Bytes> give_up();
    [[nodiscard]] size_t held() const { return held_.size(); }

  private:
    uint32_t next_ = 0;
    std::map<uint32_t, Bytes> held_;
};

}  // namespace sealcall::host
