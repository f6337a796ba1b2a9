// What the node AskRMKV is given, with the names and defaults that AsyncHttpRWKV has, spelled as there.
#pragma once

#include "CoreMinimal.h"

#include "RWKVSetting.generated.h"

USTRUCT(BlueprintType)
struct FRWKVSetting
{
	GENERATED_BODY()

	// Who says what, in the order in which it was added: "user" and a text. A role can be there once.
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	TMap<FString, FString> messageMap;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	FString model = TEXT("rwkv");

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	double temperature = 1.2;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	double top = 0.9;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	int32 N = 1;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	int32 maxTikens = 2048;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	double presence_penlty = 0.6;

	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	double frequency_penalty = 0.0;

	// Not in AsyncHttpRWKV: the server keeps the conversation under this name, so that each ask has what is new alone.
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	FString session_id;

	// Not in AsyncHttpRWKV: other fields of the endpoint as a JSON object, such as {"seed": 7}.
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "RWKV")
	FString more;
};
