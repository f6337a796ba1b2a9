// The node SwitchModel: has the server load another model, with a strategy and so many layers that stay on the device.
#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintAsyncActionBase.h"

#include "SwitchModel.generated.h"

class UMMKV_Server;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSwitchModelRequestCompleteDelegate, const FString&, Ret);

UCLASS()
class FULMARCLIENT_API USwitchModel : public UBlueprintAsyncActionBase
{
	GENERATED_BODY()

public:
	UPROPERTY(BlueprintAssignable)
	FSwitchModelRequestCompleteDelegate OnSucceeded;

	UPROPERTY(BlueprintAssignable)
	FSwitchModelRequestCompleteDelegate OnFailed;

	UFUNCTION(BlueprintCallable, Category = "RWKV", meta = (BlueprintInternalUseOnly = "true", DisplayName = "SwitchModel"))
	static USwitchModel* SwitchModel(UMMKV_Server* Server, const FString& Model, const FString& Strategy = TEXT("cuda fp16"), int32 StoredLayers = 0);

	virtual void Activate() override;

private:
	UPROPERTY()
	TObjectPtr<UMMKV_Server> Asked;

	FString WantedModel;
	FString WantedStrategy;
	int32 WantedLayers = 0;
};
