import * as z from "zod";
import { invalid } from "../problem.ts";
import { commonFields, type Fields, fieldsOf, questionFields, refuseContradictions } from "./question.ts";

const Text = z.string();
const Number = z.union([z.int(), Text]);
const common = {
  protocol: Number.optional(),
  peer: Text.optional().meta({ example: "10.0.0.9:3306" }),
  peerPort: Number.optional(),
  at: Number.optional().meta({ description: "RFC 3339 or epoch milliseconds." }),
  tolerance: Text.optional().meta({ example: "5s" }),
  cluster: Text.optional(),
  node: Text.optional(),
};

const AttributionQuestion = z
  .union([
    Text.meta({ description: "Address and port." }),
    z.object({
      address: Text.meta({ example: "192.168.50.10:39510" }),
      port: Number.optional(),
      ...common,
    }),
  ])
  .meta({
    id: "AttributionQuestion",
    description: "As in the query of GET. A field that is null is not said.",
  });

/** Several questions as JSON, for the contract: each is read as the parameters of one are, so that one wrong leaves the others be. */
export const AttributionQuestions = z.union([
  z.array(AttributionQuestion),
  z.object({
    questions: z.array(AttributionQuestion),
    defaults: z
      .object(common)
      .optional()
      .meta({ description: "Of all questions that do not say it; before those of the query." }),
  }),
]);

const Body = z.object({
  // As one value: whoever looked at each of a million would be long at it.
  questions: z.custom<unknown[]>((value) => Array.isArray(value), "Invalid input: expected array"),
  defaults: z
    .preprocess(asParameters, z.strictObject(commonFields).superRefine(refuseContradictions))
    .optional(),
});

/** The questions in a body as they were sent, and what all of them leave out. */
export function parseBody(sent: unknown): { questions: unknown[]; defaults: Fields } {
  if (Array.isArray(sent)) return { questions: sent, defaults: {} };
  const body = Body.safeParse(sent);
  if (!body.success) throw invalid("The body is invalid.", body.error.issues);
  const { questions, defaults = {} } = body.data;
  return { questions, defaults: fieldsOf(defaults) };
}

const QuestionFields = z.strictObject(questionFields).superRefine(refuseContradictions);

/** What a question of JSON or CSV says, or what is wrong with it. */
export function readQuestion(question: unknown): { fields: Fields } | { complaint: string } {
  const read = QuestionFields.safeParse(asParameters(question));
  if (read.success) return { fields: fieldsOf(read.data) };
  const [first] = invalid("", read.error.issues).extra.errors ?? [];
  return { complaint: [first?.path.join("."), first?.message].filter(Boolean).join(": ") };
}

/** Values of JSON may be numbers where parameters are text, and null where those are not there. */
function asParameters(value: unknown): unknown {
  if (typeof value === "string") return { address: value };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const said = Object.entries(value as Record<string, unknown>).filter(([, inner]) => inner !== null);
  return Object.fromEntries(
    said.map(([name, inner]) => [name, typeof inner === "number" ? String(inner) : inner]),
  );
}
