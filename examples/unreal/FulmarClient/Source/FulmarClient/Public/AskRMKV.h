// The node AskRMKV: OnStream with each piece of an answer, then OnSucceeded with the whole of it, or OnFailed with the reason.
#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintAsyncActionBase.h"
#include "RWKVSetting.h"

#include "AskRMKV.generated.h"

class UMMKV_Server;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRequestProcessDelegate, const FString&, Data);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRequestCompleteDelegate, const FString&, Data);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRequestFaildDelegate, const FString&, Data);

UCLASS()
class FULMARCLIENT_API UAskRMKV : public UBlueprintAsyncActionBase
{
	GENERATED_BODY()

public:
	UPROPERTY(BlueprintAssignable)
	FRequestProcessDelegate OnStream;

	UPROPERTY(BlueprintAssignable)
	FRequestCompleteDelegate OnSucceeded;

	UPROPERTY(BlueprintAssignable)
	FRequestFaildDelegate OnFailed;

	UFUNCTION(BlueprintCallable, Category = "RWKV", meta = (BlueprintInternalUseOnly = "true", DisplayName = "AskRMKV"))
	static UAskRMKV* AskRMKV(UMMKV_Server* Server, const FRWKVSetting& Setting);

	// OnFailed follows.
	UFUNCTION(BlueprintCallable, Category = "RWKV")
	void Cancel();

	virtual void Activate() override;

private:
	UPROPERTY()
	TObjectPtr<UMMKV_Server> Asked;

	FRWKVSetting Question;
	uint64 Request = 0;
};
