package dev.palimpsest.eval.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A data folder with a made-up example or two of every benchmark, in its published form. */
public final class TinyBenchmarks {
  private static final Path PUBLISHED = Path.of("src/test/resources/benchmarks");

  /** Where small files of published forms, which other tests check too, belong. */
  private static final Map<String, String> COPIES =
      Map.ofEntries(
          Map.entry("nocaps/nocaps_val_4500_captions.json", "captions_val2014.json"),
          Map.entry("textcaps/TextCaps_0.1_val.json", "TextCaps_0.1_val.json"),
          Map.entry("screen2words/screen_summaries.csv", "screen_summaries.csv"),
          Map.entry("widgetcap/widget_captions.csv", "widget_captions.csv"),
          Map.entry(
              "vqav2/v2_OpenEnded_mscoco_val2014_questions.json",
              "v2_OpenEnded_mscoco_val2014_questions.json"),
          Map.entry(
              "vqav2/v2_mscoco_val2014_annotations.json", "v2_mscoco_val2014_annotations.json"),
          Map.entry(
              "okvqa/mscoco_val2014_annotations.json", "mscoco_val2014_annotations_okvqa.json"),
          Map.entry("aokvqa/aokvqa_v1p0_val.json", "aokvqa_v1p0_val.json"),
          Map.entry("gqa/testdev_balanced_questions.json", "testdev_balanced_questions.json"),
          Map.entry("nlvr2/test1.json", "nlvr2_test1.json"),
          Map.entry("pope/coco_pope_random.json", "coco_pope_random.json"),
          Map.entry("pope/coco_pope_popular.json", "coco_pope_random.json"),
          Map.entry("pope/coco_pope_adversarial.json", "coco_pope_random.json"),
          Map.entry("scienceqa/problems.json", "problems.json"),
          Map.entry("chartqa/test/test_human.json", "test_human.json"),
          Map.entry("chartqa/test/test_augmented.json", "test_augmented.json"),
          Map.entry("vizwiz/val.json", "vizwiz_val.json"),
          Map.entry("tallyqa/test.json", "tallyqa_test.json"),
          Map.entry("ocrvqa/dataset.json", "ocrvqa_dataset.json"),
          Map.entry("textvqa/TextVQA_0.5.1_val.json", "TextVQA_0.5.1_val.json"),
          Map.entry("docvqa/val_v1.0_withQT.json", "val_v1.0_withQT.json"),
          Map.entry(
              "infovqa/infographicsVQA_val_v1.0_withQT.json",
              "infographicsVQA_val_v1.0_withQT.json"),
          Map.entry("stvqa/val_task_3.json", "train_task_3.json"));

  /** Forms that have no file among those. */
  private static final Map<String, String> TEXTS =
      Map.ofEntries(
          Map.entry(
              "coco/dataset_coco.json",
              """
              {"images": [
                {"filepath": "val2014", "filename": "COCO_val2014_000000000001.jpg", "cocoid": 1,
                 "imgid": 0, "split": "val", "sentences": [{"raw": "A kettle."}, {"raw": "Teal!"}]},
                {"filepath": "train2014", "filename": "COCO_train2014_000000000007.jpg",
                 "cocoid": 7, "imgid": 1, "split": "restval", "sentences": [{"raw": "x"}]}]}
              """),
          Map.entry(
              "coco35l/coco_mt_dev.jsonl",
              """
              {"image_id": "1_0", "caption_tokenized": "a kettle", "translation_tokenized": "ein Kessel", "trg_lang": "de", "src_lang": "en"}
              {"image_id": "1_0", "caption_tokenized": "a kettle", "translation_tokenized": "une bouilloire", "trg_lang": "fr", "src_lang": "en"}
              {"image_id": "1_1", "caption_tokenized": "teal", "translation_tokenized": "blaugrün", "trg_lang": "de", "src_lang": "en"}
              """),
          Map.entry(
              "xm3600/captions.jsonl",
              """
              {"image/key": "00a1", "image/locale": "de", "de": {"caption": ["ein Kessel", "Kessel"], "caption/tokenized": ["ein Kessel", "Kessel"]}, "en": {"caption": ["a kettle"], "caption/tokenized": ["a kettle"]}}
              """),
          Map.entry(
              "scicap/List-of-Files-for-Each-Experiments/First-Sentence/No-Subfig/test/file_idx.json",
              "[\"1001.0025v1-Figure2-1.png\"]"),
          Map.entry(
              "scicap/SciCap-Caption-All/test/1001.0025v1-Figure2-1.json",
              """
              {"0-originally-extracted": "Figure 2: Heat of a kettle.",
               "1-lowercase-and-token-and-remove-figure-index": {"caption": "heat of a kettle ."},
               "2-normalized": {"2-1-basic-num": {"caption": "heat of a kettle ."}}}
              """),
          Map.entry("screen2words/split/test_screens.txt", "9\n"),
          Map.entry("widgetcap/split/test.txt", "9\n"),
          Map.entry(
              "rico/combined/9.json",
              """
              {"activity": {"root": {"bounds": [0, 0, 1440, 2560], "children": [
                {"bounds": [0, 0, 1440, 200], "children": [{}, {"bounds": [720, 0, 1440, 1280]}]}]}}}
              """),
          Map.entry(
              "mmvp/Questions.csv",
              """
              Index,Question,Options,Correct Answer
              1,Is the lid on the kettle?,(a) On the kettle (b) Beside it,(a)
              2,Is the lid on the kettle?,(a) On the kettle (b) Beside it,(b)
              """),
          Map.entry(
              "okvqa/OpenEnded_mscoco_val2014_questions.json",
              """
              {"data_subtype": "val2014", "questions": [
                {"image_id": 1, "question": "What is it for?", "question_id": 77}]}
              """),
          Map.entry(
              "marvl/annotations/marvl-id.jsonl",
              """
              {"concept": "39-Panci", "language": "id", "caption": "Ada dua panci.", "left_img": "39-1.jpg", "right_img": "39-2.jpg", "id": "id-0", "label": false}
              """),
          Map.entry(
              "marvl/annotations/marvl-sw.jsonl",
              """
              {"caption": "Birika mbili.", "left_img": "1.jpg", "right_img": "2.jpg", "id": "sw-0", "label": true}
              """),
          Map.entry(
              "marvl/annotations/marvl-ta.jsonl",
              """
              {"caption": "x", "left_img": "1.jpg", "right_img": "2.jpg", "id": "ta-0", "label": "True"}
              """),
          Map.entry(
              "marvl/annotations/marvl-tr.jsonl",
              """
              {"caption": "x", "left_img": "1.jpg", "right_img": "2.jpg", "id": "tr-0", "label": "False"}
              """),
          Map.entry(
              "marvl/annotations/marvl-zh.jsonl",
              """
              {"caption": "x", "left_img": "1.jpg", "right_img": "2.jpg", "label": "True"}
              """),
          Map.entry(
              "ai2d/questions/3.png.json",
              """
              {"imageName": "3.png", "questions": {
                "What boils?": {"questionId": "3.png-0", "abcLabel": false, "correctAnswer": 1,
                  "answerTexts": ["stove", "kettle", "cup", "none"]},
                "Which letter is the lid?": {"questionId": "3.png-1", "abcLabel": true,
                  "correctAnswer": 0, "answerTexts": ["A", "B", "C", "D"]}}}
              """),
          Map.entry("ai2d/questions/4.png.json", "{\"imageName\": \"4.png\", \"questions\": {}}"),
          Map.entry("ai2d/ai2d_test_ids.csv", "3\n"),
          Map.entry("rsvqa_lr/LR_split_test_questions.json", rsvqaQuestions("rural_urban")),
          Map.entry("rsvqa_lr/LR_split_test_answers.json", rsvqaAnswers("rural")),
          Map.entry("rsvqa_hr/USGS_split_test_questions.json", rsvqaQuestions("comp")),
          Map.entry("rsvqa_hr/USGS_split_test_answers.json", rsvqaAnswers("no")),
          Map.entry("rsvqa_hr/USGS_split_test_phili_questions.json", rsvqaQuestions("comp")),
          Map.entry("rsvqa_hr/USGS_split_test_phili_answers.json", rsvqaAnswers("no")),
          Map.entry(
              "activitynet/val_1.json",
              """
              {"v_abc": {"duration": 20.0, "timestamps": [[0, 9], [9, 20]],
                "sentences": ["A man fills a kettle.", " It boils."]}}
              """),
          Map.entry(
              "activitynet/test_q.json",
              "[{\"video_name\": \"abc\", \"question\": \"does it boil\", \"question_id\": \"v_abc_1\"}]"),
          Map.entry(
              "activitynet/test_a.json",
              "[{\"answer\": \"yes\", \"type\": 3, \"question_id\": \"v_abc_1\"}]"),
          Map.entry(
              "msrvtt/test_videodatainfo.json",
              """
              {"videos": [{"video_id": "video7010", "split": "test", "start time": 1.0}],
               "sentences": [{"caption": "a kettle boils", "video_id": "video7010", "sen_id": 0},
                 {"caption": "water boils", "video_id": "video7010", "sen_id": 1}]}
              """),
          Map.entry(
              "msrvtt/test_qa.json",
              "[{\"answer\": \"kettle\", \"category_id\": 9, \"id\": 158581, \"question\": \"what boils?\", \"video_id\": 7010}]"),
          Map.entry(
              "msvd/test_qa.json",
              "[{\"answer\": \"kettle\", \"id\": 35, \"question\": \"what boils?\", \"video_id\": 1301}]"),
          Map.entry(
              "vatex/vatex_public_test_english_v1.1.json",
              "[{\"videoID\": \"k_1_11\", \"enCap\": [\"A kettle boils.\", \"Steam.\"]}]"));

  private TinyBenchmarks() {}

  private static String rsvqaQuestions(String type) {
    return """
        {"questions": [
          {"id": 1, "img_id": 5, "type": "%s", "question": "Which?", "active": true, "answers_ids": [1]},
          {"id": 2, "img_id": 5, "type": "count", "question": "How many?", "active": true, "answers_ids": [2]},
          {"id": 3, "img_id": 6, "type": "presence", "question": "Is there?", "active": true, "answers_ids": [3]},
          {"id": 4, "active": false}]}
        """
        .formatted(type);
  }

  private static String rsvqaAnswers(String answer) {
    return """
        {"answers": [{"id": 1, "question_id": 1, "answer": "%s", "active": true},
          {"id": 2, "question_id": 2, "answer": "4", "active": true},
          {"id": 3, "question_id": 3, "answer": "yes", "active": true}, {"id": 4, "active": false}]}
        """
        .formatted(answer);
  }

  /** Writes all of it; pictures are not there, their folders are. */
  public static void write(Path folder) throws IOException {
    for (Map.Entry<String, String> copy : COPIES.entrySet()) {
      Files.copy(PUBLISHED.resolve(copy.getValue()), parent(folder.resolve(copy.getKey())));
    }
    for (Map.Entry<String, String> text : TEXTS.entrySet()) {
      Files.writeString(parent(folder.resolve(text.getKey())), text.getValue());
    }
    for (String language : new String[] {"bn", "de", "en", "id", "ko", "pt", "ru", "zh"}) {
      Files.copy(
          PUBLISHED.resolve("testdev_balanced_questions.json"),
          parent(folder.resolve("xgqa/testdev_balanced_questions_" + language + ".json")));
    }
    for (String set : new String[] {"refcoco", "refcoco+", "refcocog"}) {
      String by = set.equals("refcocog") ? "umd" : "unc";
      for (String split : new String[] {"val", "testA", "testB", "test"}) {
        // The published pickle has a reference of split testA; the others differ in that word.
        String pickle =
            Files.readString(PUBLISHED.resolve("refs(umd).unicode_proto0.p"))
                .replace("VtestA\n", "V" + split + "\n");
        Files.writeString(
            parent(folder.resolve("refcoco/%s/refs(%s).%s.p".formatted(set, by, split))), pickle);
      }
      Files.copy(
          PUBLISHED.resolve("instances.json"),
          folder.resolve("refcoco/" + set + "/instances.json"));
    }
    for (String name : Benchmarks.index().benchmarks()) {
      for (var data : Benchmarks.find(name).data()) {
        if (data.images() != null) {
          Files.createDirectories(folder.resolve(data.images()));
        }
      }
    }
    for (String video :
        new String[] {
          "activitynet/frames/v_abc",
          "activitynet/frames/v_abc_0",
          "activitynet/frames/v_abc_1",
          "msrvtt/frames/video7010",
          "msvd/frames/vid1301",
          "vatex/frames/k_1_11"
        }) {
      for (int i = 1; i <= 40; i++) {
        Files.writeString(parent(folder.resolve(video + "/%06d.jpg".formatted(i))), "");
      }
    }
  }

  /** Takes the split's pickle, where a folder holds one for each. */
  static void useReferences(Path folder, String set, String split) throws IOException {
    String by = set.equals("refcocog") ? "umd" : "unc";
    Path target = folder.resolve("refcoco/%s/refs(%s).p".formatted(set, by));
    Files.deleteIfExists(target);
    Files.copy(folder.resolve("refcoco/%s/refs(%s).%s.p".formatted(set, by, split)), target);
  }

  private static Path parent(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    return file;
  }
}
