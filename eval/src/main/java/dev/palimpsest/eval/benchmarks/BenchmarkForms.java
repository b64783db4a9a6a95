package dev.palimpsest.eval.benchmarks;

import dev.palimpsest.configs.evaluation.BenchmarkFormat;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.JsonLinesForm;
import dev.palimpsest.eval.benchmarks.forms.ParquetForm;
import dev.palimpsest.eval.benchmarks.forms.captions.Coco35LForm;
import dev.palimpsest.eval.benchmarks.forms.captions.CocoCaptionsForm;
import dev.palimpsest.eval.benchmarks.forms.captions.CrossmodalForm;
import dev.palimpsest.eval.benchmarks.forms.captions.KarpathyForm;
import dev.palimpsest.eval.benchmarks.forms.captions.SciCapForm;
import dev.palimpsest.eval.benchmarks.forms.captions.Screen2WordsForm;
import dev.palimpsest.eval.benchmarks.forms.captions.TextCapsForm;
import dev.palimpsest.eval.benchmarks.forms.captions.WidgetCaptionForm;
import dev.palimpsest.eval.benchmarks.forms.expressions.RefCocoForm;
import dev.palimpsest.eval.benchmarks.forms.questions.Ai2dForm;
import dev.palimpsest.eval.benchmarks.forms.questions.AokVqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.ChartQaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.CountBenchQaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.DocVqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.GqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.MarvlForm;
import dev.palimpsest.eval.benchmarks.forms.questions.MmvpForm;
import dev.palimpsest.eval.benchmarks.forms.questions.Nlvr2Form;
import dev.palimpsest.eval.benchmarks.forms.questions.OcrVqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.PopeForm;
import dev.palimpsest.eval.benchmarks.forms.questions.RsvqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.ScienceQaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.StVqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.TallyQaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.TextVqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.VizWizForm;
import dev.palimpsest.eval.benchmarks.forms.questions.VqaForm;
import dev.palimpsest.eval.benchmarks.forms.questions.XGqaForm;
import dev.palimpsest.eval.benchmarks.forms.videos.ActivityNetCaptionsForm;
import dev.palimpsest.eval.benchmarks.forms.videos.ActivityNetQaForm;
import dev.palimpsest.eval.benchmarks.forms.videos.MsrVttForm;
import dev.palimpsest.eval.benchmarks.forms.videos.VatexForm;
import dev.palimpsest.eval.benchmarks.forms.videos.VideoQaForm;

/** Maps each form of files to the class that reads it; a form without a class does not compile. */
final class BenchmarkForms {
  private BenchmarkForms() {}

  static BenchmarkForm of(BenchmarkFormat format) {
    return switch (format) {
      case COCO_CAPTIONS -> new CocoCaptionsForm();
      case KARPATHY -> new KarpathyForm();
      case TEXT_CAPS -> new TextCapsForm();
      case SCI_CAP -> new SciCapForm();
      case SCREEN2WORDS -> new Screen2WordsForm();
      case WIDGET_CAPTION -> new WidgetCaptionForm();
      case CROSSMODAL -> new CrossmodalForm();
      case COCO35L -> new Coco35LForm();
      case VQA -> new VqaForm();
      case TEXT_VQA -> new TextVqaForm();
      case VIZ_WIZ -> new VizWizForm();
      case DOC_VQA -> new DocVqaForm();
      case ST_VQA -> new StVqaForm();
      case CHART_QA -> new ChartQaForm();
      case GQA -> new GqaForm();
      case XGQA -> new XGqaForm();
      case A_OKVQA -> new AokVqaForm();
      case SCIENCE_QA -> new ScienceQaForm();
      case AI2D -> new Ai2dForm();
      case TALLY_QA -> new TallyQaForm();
      case COUNT_BENCH_QA -> new CountBenchQaForm();
      case OCR_VQA -> new OcrVqaForm();
      case NLVR2 -> new Nlvr2Form();
      case MARVL -> new MarvlForm();
      case RSVQA -> new RsvqaForm();
      case POPE -> new PopeForm();
      case MMVP -> new MmvpForm();
      case REF_COCO -> new RefCocoForm();
      case MSRVTT -> new MsrVttForm();
      case VATEX -> new VatexForm();
      case ACTIVITYNET_CAPTIONS -> new ActivityNetCaptionsForm();
      case VIDEO_QA -> new VideoQaForm();
      case ACTIVITYNET_QA -> new ActivityNetQaForm();
      case PARQUET -> new ParquetForm();
      case JSON_LINES -> new JsonLinesForm();
    };
  }
}
