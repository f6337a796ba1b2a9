// Switching takes as long as the server loads, up to 15 minutes; asks meanwhile go on or are refused as the server says.
#include "SwitchModel.h"

#include "FulmarConnection.h"
#include "MMKV_Server.h"

USwitchModel* USwitchModel::SwitchModel(UMMKV_Server* Server, const FString& Model, const FString& Strategy, int32 StoredLayers)
{
	USwitchModel* Node = NewObject<USwitchModel>();
	Node->Asked = Server;
	Node->WantedModel = Model;
	Node->WantedStrategy = Strategy;
	Node->WantedLayers = StoredLayers;
	return Node;
}

void USwitchModel::Activate()
{
	if (!Asked || !Asked->GetConnection())
	{
		OnFailed.Broadcast(TEXT("invalid: SwitchModel needs a server, which NewRMKV makes"));
		return;
	}
	const TWeakObjectPtr<USwitchModel> Self(this);
	fulmar::client::Handlers Handlers;
	Handlers.on_succeeded = [Self](std::string_view Text) {
		if (USwitchModel* Node = Self.Get())
		{
			Node->Asked->Drop(Node);
			Node->OnSucceeded.Broadcast(FromUtf8(Text));
		}
	};
	Handlers.on_failed = [Self](fulmar::client::Failure Failure, std::string_view Message) {
		if (USwitchModel* Node = Self.Get())
		{
			Node->Asked->Drop(Node);
			Node->OnFailed.Broadcast(Sentence(Failure, Message));
		}
	};
	Asked->Keep(this);
	if (Asked->GetConnection()->Client.switch_model(ToUtf8(WantedModel), ToUtf8(WantedStrategy), WantedLayers, Handlers) == 0)
	{
		Asked->Drop(this);
		OnFailed.Broadcast(TEXT("too large: the system has no thread or socket left for a client"));
	}
}
