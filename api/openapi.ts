import { routes } from "./routes/index.ts";
import { router } from "./router.ts";

/** The contract as OpenAPI 3.1, from the routes. */
export function openapiDocument() {
  const app = router();
  for (const group of routes) app.route("/", group);
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
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
