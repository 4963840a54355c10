import * as z from "zod";
import { AttributionQuestions } from "./attribution/questions.ts";
import { ChannelChange, NewChannel } from "./routes/channel-contract.ts";
import { Acknowledgement } from "./routes/anomalies.ts";
import { BacktestQuestion } from "./routes/backtest.ts";
import { NewCluster } from "./routes/clusters.ts";
import { routes } from "./routes/index.ts";
import { NewSilence } from "./routes/silences.ts";
import { NewToken } from "./routes/tokens.ts";
import { router } from "./router.ts";
import { NewRules } from "./rules.ts";
import { Report } from "./wire.ts";

type Component = Record<string, unknown>;

/** The contract as OpenAPI 3.1, from the routes. */
export function openapiDocument() {
  const app = router();
  for (const group of routes) app.route("/", group);
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  for (const [name, component] of Object.entries(
    bodies({
      Report,
      NewCluster,
      NewToken,
      NewChannel,
      ChannelChange,
      AttributionQuestions,
      Acknowledgement,
      NewSilence,
      NewRules,
      BacktestQuestion,
    }),
  ))
    app.openAPIRegistry.registerComponent("schemas", name, component);
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Conntrail",
      version: "1",
      description:
        "Who uses the connection tracking tables of a fleet. Errors are problems (RFC 9457); their `type` is stable.",
    },
    servers: [{ url: "/" }],
  });
}

/** Bodies, which routes only refer to, with all that they refer to in turn. OpenAPI 3.1 speaks JSON Schema. */
function bodies(schemas: Record<string, z.ZodType>): Record<string, Component> {
  const components: Record<string, Component> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const { $schema: _, ...plain } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    const text = JSON.stringify(plain).replaceAll("#/$defs/", "#/components/schemas/");
    const { $defs = {}, ...component } = JSON.parse(text) as Component & {
      $defs?: Record<string, Component>;
    };
    // A schema that is referred to within itself stands among its own definitions.
    Object.assign(components, $defs, name in $defs ? {} : { [name]: component });
  }
  return components;
}
