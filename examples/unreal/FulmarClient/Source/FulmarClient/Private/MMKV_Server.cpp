// The client's calls are made from the engine's ticker, which runs on the game thread.
#include "MMKV_Server.h"

#include "FulmarConnection.h"

UMMKV_Server* UMMKV_Server::NewRMKV(const FString& IP, const FString& Port, const FString& Password)
{
	fulmar::client::Options Options;
	Options.host = ToUtf8(IP);
	Options.port = ToUtf8(Port);
	Options.password = ToUtf8(Password);
	Options.calls = fulmar::client::Calls::from_poll;

	UMMKV_Server* Server = NewObject<UMMKV_Server>();
	Server->Connection = MakeShared<FFulmarConnection>(Options);
	Server->Ticking = FTSTicker::GetCoreTicker().AddTicker(FTickerDelegate::CreateWeakLambda(Server, [Server](float) {
		const TSharedPtr<FFulmarConnection> Held = Server->Connection; // a handler may have the server destroyed
		if (Held)
		{
			Held->Client.poll();
		}
		return true;
	}));
	return Server;
}

void UMMKV_Server::CloseServer()
{
	if (Connection)
	{
		Connection->Client.close_server({});
	}
}

void UMMKV_Server::BeginDestroy()
{
	FTSTicker::GetCoreTicker().RemoveTicker(Ticking);
	Connection.Reset();
	Super::BeginDestroy();
}
