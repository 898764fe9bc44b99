/** What to do about each reason of a failure. */
import type { Reason } from "../../api";
import { texts } from "../../i18n";

export const advice = texts<Reason>({
  en: {
    SOURCE_ERROR:
      "Check that the URL and the ref exist and can be read without a password, or that the ZIP opens on your machine and holds no links or absolute names. Then hand it in again.",
    AGENT_ERROR:
      "Read the end of the log. For a command, run it on your machine; for a model, say in the prompt what got in its way. What it changed is kept under Changes.",
    MODEL_ERROR:
      "The model's endpoint refused or did not answer. Retry in a few minutes; if it stays, ask your operator about the endpoint's key, quota and address.",
    BUDGET: "It used all its model calls. Retry with more of them, or divide the task into smaller ones.",
    TIMEOUT: "It took longer than it may. Give it more time, or less to do: leave out slow tests, or divide the task.",
    OUT_OF_MEMORY: "Let the task use less memory (fewer parallel jobs or workers), or ask your operator for a larger limit.",
    OUT_OF_DISK: "Let the task write less: caches, build results and downloads count too. Or ask your operator for more room.",
    PROCESS_LIMIT: "Something started too many processes. Set fewer workers (such as -j2), and look in the log for what began them.",
    OUTPUT_TOO_LARGE:
      "The patch is larger than what may be delivered. See in the log what was written; have build results and dependencies ignored by .gitignore.",
    IMAGE_PULL: "The agent's image can't be pulled. That is for your operator: its name, the registry, and the cluster's right to read it.",
    UNSCHEDULABLE: "The cluster had no room for it in time. Retry later; if it happens often, your operator should add nodes or raise the quota.",
    NODE_LOST: "The machine under it went away, and so did those of the further attempts. Retry; if it happens again, your operator should look at the nodes.",
    JOB_LOST: "Somebody, or a clean-up, deleted its Job in the cluster. Retry; ask your operator who deletes Jobs there.",
    INTERNAL: "This is our fault, not yours. Retry once; if it fails again, give the task's id to your operator.",
  },
  zh: {
    SOURCE_ERROR: "请确认网址和分支（ref）存在且无需密码即可读取；若是 ZIP，请确认能在本机打开，且不含链接或绝对路径。然后重新提交。",
    AGENT_ERROR: "请查看日志末尾。若是命令，可在本机运行；若是模型，请在提示词中说明它遇到的障碍。它所做的改动保留在“改动”中。",
    MODEL_ERROR: "模型服务拒绝了请求或没有响应。请几分钟后重试；若仍然失败，请让运维检查服务的密钥、配额和地址。",
    BUDGET: "模型调用次数已用完。请提高次数后重试，或把任务拆小。",
    TIMEOUT: "运行时间超过了上限。请给它更多时间，或减少工作量：跳过较慢的测试，或拆分任务。",
    OUT_OF_MEMORY: "请让任务少用内存（减少并行数），或请运维提高上限。",
    OUT_OF_DISK: "请让任务少写数据：缓存、构建结果和下载都计算在内。或请运维增加空间。",
    PROCESS_LIMIT: "启动的进程过多。请减少并行数（例如 -j2），并在日志中查看是什么启动了它们。",
    OUTPUT_TOO_LARGE: "补丁超过了可交付的大小。请在日志中查看写了什么；用 .gitignore 忽略构建结果和依赖。",
    IMAGE_PULL: "无法拉取代理镜像。请运维检查镜像名称、镜像仓库以及集群的读取权限。",
    UNSCHEDULABLE: "集群未能及时腾出空位。请稍后重试；若经常发生，请运维增加节点或提高配额。",
    NODE_LOST: "其所在的机器消失了，后续尝试也是如此。请重试；若再次发生，请运维检查节点。",
    JOB_LOST: "有人或某个清理程序删除了集群中的作业。请重试，并询问运维是谁在删除作业。",
    INTERNAL: "这是系统的问题，与你无关。请重试一次；若再次失败，请把任务编号交给运维。",
  },
});
