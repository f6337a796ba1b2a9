// The unmodified `openai` package from npm against a running server: node openai_client_test.mjs BASE_URL [PASSWORD].
// Node looks for the package from this file upwards; OPENAI_PACKAGE may name its folder instead.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [baseURL, password] = process.argv.slice(2);
if (!baseURL) {
  console.error("usage: openai_client_test.mjs http://127.0.0.1:8000/v1 [password]");
  process.exit(2);
}
const require = createRequire(
  process.env.OPENAI_PACKAGE ? join(process.env.OPENAI_PACKAGE, "package.json") : import.meta.url,
);
const OpenAI = require("openai");
const client = new OpenAI({ baseURL, apiKey: password ?? "none", maxRetries: 0, timeout: 300_000 });

const models = (await client.models.list()).data;
assert.equal(models.length, 1);
const model = models[0].id;
assert.equal((await client.models.retrieve(model)).id, model);

async function gather(stream, textOf) {
  const all = { text: "", reasons: [], usage: null };
  for await (const chunk of stream) {
    all.usage = chunk.usage ?? all.usage;
    for (const choice of chunk.choices) {
      all.text += textOf(choice) ?? "";
      if (choice.finish_reason) all.reasons.push(choice.finish_reason);
    }
  }
  return all;
}

{
  const settings = { model, prompt: "Once upon a time", max_tokens: 12, temperature: 0, seed: 1 };
  const whole = await client.completions.create(settings);
  assert.ok(["stop", "length"].includes(whole.choices[0].finish_reason));
  assert.ok(whole.usage.completion_tokens > 0 && whole.usage.completion_tokens <= 12);
  const streamed = await gather(
    await client.completions.create({ ...settings, stream: true, stream_options: { include_usage: true } }),
    (choice) => choice.text,
  );
  assert.equal(streamed.text, whole.choices[0].text);
  assert.deepEqual(streamed.reasons, [whole.choices[0].finish_reason]);
  assert.deepEqual(streamed.usage, whole.usage);
}
{
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: [{ type: "text", text: "Hello!" }] },
  ];
  const settings = { model, messages, max_completion_tokens: 12, temperature: 0, seed: 1 };
  const whole = await client.chat.completions.create(settings);
  assert.equal(whole.choices[0].message.role, "assistant");
  const streamed = await gather(
    await client.chat.completions.create({ ...settings, stream: true, stream_options: { include_usage: true } }),
    (choice) => choice.delta.content,
  );
  assert.equal(streamed.text, whole.choices[0].message.content);
  assert.deepEqual(streamed.reasons, [whole.choices[0].finish_reason]);
  assert.deepEqual(streamed.usage, whole.usage);

  await assert.rejects(
    client.chat.completions.create({ ...settings, temperature: -1 }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature",
  );
}
{
  const settings = { model, input: "Hello!", instructions: "Be brief.", max_output_tokens: 12, temperature: 0 };
  const whole = await client.responses.create(settings);
  assert.ok(["completed", "incomplete"].includes(whole.status));
  assert.equal(whole.usage.total_tokens, whole.usage.input_tokens + whole.usage.output_tokens);
  let text = "";
  const kinds = [];
  for await (const event of await client.responses.create({ ...settings, stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
    assert.equal(event.sequence_number, kinds.push(event.type) - 1);
  }
  assert.equal(text, whole.output_text);
  assert.equal(kinds.at(-1), `response.${whole.status}`);
  await assert.rejects(
    client.responses.create({ ...settings, background: true }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "background",
  );
}
await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
if (password) {
  const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
}
{
  // A client that stops listening must not disturb the next one.
  const stream = await client.completions.create({ model, prompt: "a", max_tokens: 1000, stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk.choices);
    break;
  }
  assert.equal((await client.models.list()).data[0].id, model);
}
console.log("openai (npm): ok");
