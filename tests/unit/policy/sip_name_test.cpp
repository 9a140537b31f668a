// Whom an address names: one answer, or nobody is called by it.
#include "policy/sip_name.h"

#include <gtest/gtest.h>

namespace sealcall::policy {
namespace {

TEST(SipName, ParametersBeginBehindTheHost) {
    for (const char* uri : {"sip:bob@example.com", "sip:bob@example.com:5061;transport=tls", "SIPS:bob@example.com?x=y",
                            "bob@example.com>;tag=1"}) {
        EXPECT_EQ(sip_name(uri).user, "bob") << uri;
        EXPECT_EQ(sip_name(uri).host, "example.com") << uri;
    }
    EXPECT_EQ(sip_name("sip:bob;a@example.com").host, "example.com") << "; may stand in a user part";
    EXPECT_EQ(sip_name("sip:example.com;x@evil.example").host, "evil.example");
    EXPECT_EQ(sip_name("sip:[2001:db8::1]:5060").host, "[2001:db8::1]");
    EXPECT_EQ(canonical_uri("sip:bob?x@Example.COM"), "sip:bob?x@example.com");
}

TEST(SipName, NamesThatReadTwoWaysNameNobody) {
    for (const char* uri : {"sip:bob@example.com", "sip:bob@example.com:5061;transport=tls", "sip:example.com",
                            "sip:192.0.2.1:5060", "sip:bob@[2001:db8::1]", "sip:+49.30$a@example.com"})
        EXPECT_TRUE(names_one(uri)) << uri;
    for (const char* uri :
         {"", "sip:", "sip:bob@", "sip:bob;a@example.com", "sip:example.com;x@evil.example", "sip:bob?a@example.com",
          "sip:bob:pw@example.com", "sip:b%6fb@example.com", "sip:bob@example.com.", "sip:bob@example%2ecom",
          "sip:bob@example.com@evil.example", "sip:bob@example.com;x=@evil.example", "sip:b ob@example.com",
          "sip:\"bob\"@example.com", "sip:bob@example.com\n", "sip:b\xc3\xb6@example.com"})
        EXPECT_FALSE(names_one(uri)) << uri;
}

}  // namespace
}  // namespace sealcall::policy
