// The library's client behind a server object, and text between the engine's form and UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "CoreMinimal.h"

#include "fulmar/client.h"

struct FFulmarConnection
{
	explicit FFulmarConnection(const fulmar::client::Options& Options) : Client(Options) {}
	fulmar::client::Client Client;
};

inline std::string ToUtf8(const FString& Text)
{
	const FTCHARToUTF8 Converted(*Text);
	return std::string(Converted.Get(), Converted.Length());
}

inline FString FromUtf8(std::string_view Text)
{
	const FUTF8ToTCHAR Converted(Text.data(), static_cast<int32>(Text.size()));
	FString Out;
	Out.AppendChars(Converted.Get(), Converted.Length());
	return Out;
}

// Why a request failed, for OnFailed: "timed out: ...".
inline FString Sentence(fulmar::client::Failure Failure, std::string_view Message)
{
	return FromUtf8(std::string(fulmar::client::name_of(Failure)) + ": " + std::string(Message));
}
