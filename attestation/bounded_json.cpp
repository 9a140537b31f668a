#include "attestation/bounded_json.h"

#include <optional>

namespace sealcall::attestation {

namespace {

using Json = nlohmann::json;

/// Builds the tree, and stops the parser at the first bound that is passed.
class Builder final : public nlohmann::json_sax<Json> {
  public:
    explicit Builder(const JsonBounds& bounds) : bounds_(bounds) {}

    bool null() override { return value(nullptr); }
    bool boolean(bool v) override { return value(v); }
    bool number_integer(number_integer_t v) override { return value(v); }
    bool number_unsigned(number_unsigned_t v) override { return value(v); }
    bool number_float(number_float_t v, const string_t&) override { return value(v); }
    bool string(string_t& v) override { return value(std::move(v)); }
    bool binary(binary_t&) override { return false; }  // no such thing in text
    bool start_object(std::size_t) override { return open(Json::object()); }
    bool start_array(std::size_t) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (stack_.back()->contains(name)) return refuse({Errc::not_canonical, "a JSON key stands twice", 0});
        key_ = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        return refuse({Errc::bad_value, "not JSON", static_cast<uint32_t>(position)});
    }

    Json root;
    std::optional<Error> error;

  private:
    bool refuse(Error e) {
        if (!error) error = e;
        return false;
    }
    Json* place(Json&& v) {
        if (stack_.empty()) {
            root = std::move(v);
            return &root;
        }
        Json& parent = *stack_.back();
        if (parent.is_array()) {
            parent.push_back(std::move(v));
            return &parent.back();
        }
        return &(parent[key_] = std::move(v));
    }
    bool count() {
        return ++values_ <= bounds_.values || refuse({Errc::too_large, "JSON values", static_cast<uint32_t>(values_)});
    }
    bool value(Json&& v) {
        if (!count()) return false;
        place(std::move(v));
        return true;
    }
    bool open(Json&& v) {
        if (!count()) return false;
        if (stack_.size() >= bounds_.depth) return refuse({Errc::too_large, "JSON depth", 0});
        // A parent grows only after its last child has closed: pointers into it stay good until then.
        stack_.push_back(place(std::move(v)));
        return true;
    }
    bool close() {
        stack_.pop_back();
        return true;
    }

    const JsonBounds bounds_;
    std::vector<Json*> stack_;
    std::string key_;
    size_t values_ = 0;
};

}  // namespace

Result<nlohmann::json> parse_bounded_json(std::string_view text, const JsonBounds& bounds) {
    if (text.size() > bounds.bytes) return Error{Errc::too_large, "JSON size", static_cast<uint32_t>(text.size())};
    Builder builder(bounds);
    if (!Json::sax_parse(text.begin(), text.end(), &builder))
        return builder.error.value_or(Error{Errc::bad_value, "not JSON", 0});
    return std::move(builder.root);
}

}  // namespace sealcall::attestation
