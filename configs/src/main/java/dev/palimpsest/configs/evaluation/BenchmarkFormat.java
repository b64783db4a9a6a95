package dev.palimpsest.configs.evaluation;

import java.util.List;

/**
 * In which form a benchmark's files are published. Each names the files that it is made of; a form
 * whose files are free (one a language, one a category) takes any names.
 */
public enum BenchmarkFormat {
  /** COCO captions, NoCaps. */
  COCO_CAPTIONS("annotations"),
  /** Karpathy's splits of COCO. */
  KARPATHY("dataset"),
  /** TextCaps. */
  TEXT_CAPS("annotations"),
  /** SciCap: a list of figures, and a folder with a file of captions each. */
  SCI_CAP("list", "captions"),
  /** Screen2Words: summaries, and the screens of the split. */
  SCREEN2WORDS("summaries", "screens"),
  /** Widget Captioning: captions, the screens of the split, and a folder of RICO's view files. */
  WIDGET_CAPTION("captions", "screens", "views"),
  /** Crossmodal-3600. */
  CROSSMODAL("captions"),
  /** COCO-35L: the translated captions, and Karpathy's file for the pictures' names. */
  COCO35L("captions", "dataset"),
  /** VQAv2, OK-VQA. */
  VQA("questions", "annotations"),
  /** TextVQA. */
  TEXT_VQA("annotations"),
  /** VizWiz. */
  VIZ_WIZ("annotations"),
  /** DocVQA, InfographicVQA. */
  DOC_VQA("annotations"),
  /** ST-VQA. */
  ST_VQA("annotations"),
  /** ChartQA: {@code test_human.json}, {@code test_augmented.json}. */
  CHART_QA(),
  /** GQA. */
  GQA("questions"),
  /** xGQA: a file of GQA's form for each language. */
  XGQA(),
  /** A-OKVQA. */
  A_OKVQA("annotations"),
  /** ScienceQA; problems with a picture. */
  SCIENCE_QA("problems"),
  /** AI2D: a folder of questions, and the ids of the test diagrams. */
  AI2D("questions", "test"),
  /** TallyQA. */
  TALLY_QA("questions"),
  /** CountBenchQA: CountBench's Parquet file, and the questions of its rows in order. */
  COUNT_BENCH_QA("rows", "questions"),
  /** OCR-VQA. */
  OCR_VQA("dataset"),
  /** NLVR2. */
  NLVR2("questions"),
  /** MaRVL: a file for each language. */
  MARVL(),
  /** RSVQA, either resolution. */
  RSVQA("questions", "answers"),
  /** POPE: a file for each category. */
  POPE(),
  /** MMVP. */
  MMVP("questions"),
  /** RefCOCO, RefCOCO+, RefCOCOg. */
  REF_COCO("refs", "instances"),
  /** MSR-VTT captions. */
  MSRVTT("annotations"),
  /** VATEX. */
  VATEX("annotations"),
  /** ActivityNet Captions. */
  ACTIVITYNET_CAPTIONS("annotations"),
  /** MSRVTT-QA, MSVD-QA. */
  VIDEO_QA("questions"),
  /** ActivityNet-QA. */
  ACTIVITYNET_QA("questions", "answers"),
  /** Any benchmark as Parquet with the pictures in it, as lmms-lab publishes them. */
  PARQUET("rows"),
  /**
   * JSON lines: {@code id, image, question, references} and fields; for benchmarks of one's own.
   */
  JSON_LINES("rows");

  private final String files;

  BenchmarkFormat(String... files) {
    this.files = String.join(",", files);
  }

  /** Names of the files; empty when they are free. */
  public List<String> files() {
    return files.isEmpty() ? List.of() : List.of(files.split(","));
  }
}
