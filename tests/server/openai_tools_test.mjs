// Tools through the unmodified `openai` package from npm: node openai_tools_test.mjs BASE_URL [PASSWORD].
// Node looks for the package from this file upwards; OPENAI_PACKAGE may name its folder instead.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [baseURL, password] = process.argv.slice(2);
const require = createRequire(
  process.env.OPENAI_PACKAGE ? join(process.env.OPENAI_PACKAGE, "package.json") : import.meta.url,
);
const OpenAI = require("openai");
const client = new OpenAI({ baseURL, apiKey: password ?? "none", maxRetries: 0, timeout: 300_000 });
const model = (await client.models.list()).data[0].id;

const cities = ["Oslo", "Rome", "Lima"];
const asked = [];
const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "The weather in a city.",
      parse: JSON.parse,
      function: ({ city, celsius }) => {
        asked.push({ city, celsius });
        return { city, degrees: 9 };
      },
      parameters: {
        type: "object",
        properties: { city: { type: "string", enum: cities }, celsius: { type: "boolean" } },
        required: ["city", "celsius"],
        additionalProperties: false,
      },
    },
  },
];
const messages = [{ role: "user", content: "How warm is it in Oslo?" }];
const settings = { model, messages, tools, temperature: 0, seed: 1, max_tokens: 200 };

// The package calls the function, and with two answers at most it asks again with what came of it.
for (const stream of [false, true]) {
  asked.length = 0;
  const runner = client.chat.completions.runTools(
    { ...settings, tool_choice: "required", parallel_tool_calls: false, stream },
    { maxChatCompletions: 2 },
  );
  await runner.done();
  assert.equal(asked.length, 2, JSON.stringify(runner.messages));
  for (const { city, celsius } of asked) {
    assert.ok(cities.includes(city));
    assert.equal(typeof celsius, "boolean");
  }
  const roles = runner.messages.map((message) => message.role);
  assert.deepEqual(roles, ["user", "assistant", "tool", "assistant", "tool"]);
  assert.equal(runner.messages[1].tool_calls[0].id, runner.messages[2].tool_call_id);
}

// One that is named is called once.
asked.length = 0;
const named = client.chat.completions.runTools({ ...settings, tool_choice: { type: "function", function: { name: "weather" } } });
await named.done();
assert.equal(asked.length, 1);
console.log("tools through openai (npm): ok");
