// A server to be asked, as the nodes NewRMKV and CloseServer know it. Everything it is told arrives on the game thread.
#pragma once

#include "Containers/Ticker.h"
#include "CoreMinimal.h"
#include "UObject/Object.h"

#include "MMKV_Server.generated.h"

struct FFulmarConnection;

UCLASS(BlueprintType)
class FULMARCLIENT_API UMMKV_Server : public UObject
{
	GENERATED_BODY()

public:
	UFUNCTION(BlueprintCallable, Category = "RWKV", meta = (DisplayName = "NewRMKV"))
	static UMMKV_Server* NewRMKV(const FString& IP = TEXT("127.0.0.1"), const FString& Port = TEXT("8000"), const FString& Password = TEXT(""));

	// Ends the server's process.
	UFUNCTION(BlueprintCallable, Category = "RWKV", meta = (DisplayName = "CloseServer"))
	void CloseServer();

	virtual void BeginDestroy() override;

	// For the nodes: the connection, which is gone once this object is being destroyed, and keeping them while they wait.
	const TSharedPtr<FFulmarConnection>& GetConnection() const { return Connection; }
	void Keep(UObject* Node) { Waiting.AddUnique(Node); }
	void Drop(UObject* Node) { Waiting.Remove(Node); }

private:
	UPROPERTY()
	TArray<TObjectPtr<UObject>> Waiting;

	TSharedPtr<FFulmarConnection> Connection;
	FTSTicker::FDelegateHandle Ticking;
};
