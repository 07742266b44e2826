// Loaded before a process of ours (--import): its clock is off by LANDFALL_TEST_SKEW seconds, and it does not know.
const skew = Number(process.env.LANDFALL_TEST_SKEW) * 1_000;
const TrueDate = Date;

globalThis.Date = class SkewedDate extends TrueDate {
  constructor(...args) {
    if (args.length === 0) super(TrueDate.now() + skew);
    else super(...args);
  }

  static now() {
    return TrueDate.now() + skew;
  }
};
