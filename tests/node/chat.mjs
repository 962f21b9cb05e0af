// Talks to an agent with the openai SDK for Node, base-URL swap only, and prints what came back as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, model, question] = process.argv.slice(2);
const client = new OpenAI({ apiKey, baseURL, maxRetries: 0 });
const messages = [{ role: "user", content: question }];

const whole = await client.chat.completions.create({ model, messages });

let streamed = "";
let finish = null;
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
}

let refusal = null;
try {
  await client.chat.completions.create({ model: "gpt-4o", messages });
} catch (error) {
  refusal = { name: error.constructor.name, status: error.status, code: error.code };
}

console.log(JSON.stringify({ whole: whole.choices[0].message.content, finish: whole.choices[0].finish_reason, streamed, streamFinish: finish, refusal }));
