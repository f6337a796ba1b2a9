// An ask is kept by its server until it has its end, and knows whether it is still there when it is told something.
#include "AskRMKV.h"

#include "FulmarConnection.h"
#include "MMKV_Server.h"

UAskRMKV* UAskRMKV::AskRMKV(UMMKV_Server* Server, const FRWKVSetting& Setting)
{
	UAskRMKV* Node = NewObject<UAskRMKV>();
	Node->Asked = Server;
	Node->Question = Setting;
	return Node;
}

void UAskRMKV::Activate()
{
	if (!Asked || !Asked->GetConnection())
	{
		OnFailed.Broadcast(TEXT("invalid: AskRMKV needs a server, which NewRMKV makes"));
		return;
	}
	fulmar::client::Settings Settings;
	for (const auto& Message : Question.messageMap)
	{
		Settings.messages.push_back({ToUtf8(Message.Key), ToUtf8(Message.Value)});
	}
	Settings.model = ToUtf8(Question.model);
	Settings.session_id = ToUtf8(Question.session_id);
	Settings.temperature = Question.temperature;
	Settings.top_p = Question.top;
	Settings.n = Question.N;
	Settings.max_tokens = Question.maxTikens;
	Settings.presence_penalty = Question.presence_penlty;
	Settings.frequency_penalty = Question.frequency_penalty;
	Settings.more = ToUtf8(Question.more);

	const TWeakObjectPtr<UAskRMKV> Self(this);
	fulmar::client::Handlers Handlers;
	Handlers.on_stream = [Self](std::string_view Text) {
		if (Self.IsValid())
		{
			Self->OnStream.Broadcast(FromUtf8(Text));
		}
	};
	Handlers.on_succeeded = [Self](std::string_view Text) {
		if (UAskRMKV* Node = Self.Get())
		{
			Node->Asked->Drop(Node);
			Node->OnSucceeded.Broadcast(FromUtf8(Text));
		}
	};
	Handlers.on_failed = [Self](fulmar::client::Failure Failure, std::string_view Message) {
		if (UAskRMKV* Node = Self.Get())
		{
			Node->Asked->Drop(Node);
			Node->OnFailed.Broadcast(Sentence(Failure, Message));
		}
	};
	Asked->Keep(this);
	Request = Asked->GetConnection()->Client.ask(Settings, Handlers);
	if (Request == 0)
	{
		Asked->Drop(this);
		OnFailed.Broadcast(TEXT("too large: the system has no thread or socket left for a client"));
	}
}

void UAskRMKV::Cancel()
{
	if (Asked && Asked->GetConnection())
	{
		Asked->GetConnection()->Client.cancel(Request);
	}
}
