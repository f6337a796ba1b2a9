// Links libfulmar_client, which lies in ThirdParty beside its headers: include/fulmar, Linux, Mac, Win64.
using System.IO;
using UnrealBuildTool;

public class FulmarClient : ModuleRules
{
    public FulmarClient(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        PublicDependencyModuleNames.AddRange(new string[] { "Core", "CoreUObject", "Engine" });

        string Folder = Path.Combine(PluginDirectory, "ThirdParty");
        string Binaries = Path.Combine(Folder, Target.Platform.ToString());
        PrivateIncludePaths.Add(Path.Combine(Folder, "include"));
        if (Target.Platform == UnrealTargetPlatform.Win64)
        {
            PublicAdditionalLibraries.Add(Path.Combine(Binaries, "fulmar_client.lib"));
            RuntimeDependencies.Add("$(TargetOutputDir)/fulmar_client.dll", Path.Combine(Binaries, "fulmar_client.dll"));
        }
        else
        {
            string Library = Target.Platform == UnrealTargetPlatform.Mac ? "libfulmar_client.0.dylib" : "libfulmar_client.so.0";
            PublicAdditionalLibraries.Add(Path.Combine(Binaries, Library));
            PrivateRuntimeLibraryPaths.Add(Binaries);
            RuntimeDependencies.Add(Path.Combine(Binaries, Library));
        }
    }
}
